#include "core/base/json_writer.h"
#include "scenarios/language/build.h"

namespace windtunnel::scenarios {
namespace {

void write(const TypedValue& value, core::JsonWriter& json);

void write_object(const TypedValue& value, core::JsonWriter& json) {
  json.begin_object();
  // In the order of the table, which is nats-server's: equal configurations are equal texts.
  for (const Key& key : value.shape->table->keys) {
    const TypedValue* field = key.is_ours ? nullptr : value.find(key.name);
    if (field == nullptr) continue;
    json.key(key.name);
    write(*field, json);
  }
  if (const TypedValue* domain = value.find("domain")) {  // only an origin has one
    json.key("external").begin_object().field("api", "$JS." + domain->as<std::string>() + ".API").field("deliver", "").end_object();
  }
  json.end_object();
}

void write(const TypedValue& value, core::JsonWriter& json) {
  switch (value.shape->type) {
    case Type::object: write_object(value, json); break;
    case Type::list:
      json.begin_array();
      for (const TypedValue& item : value.items) write(item, json);
      json.end_array();
      break;
    case Type::text_map:
      json.begin_object();
      for (const TypedValue::Member& member : value.members) json.field(member.key, member.value.as<std::string>());
      json.end_object();
      break;
    case Type::boolean: json.boolean(value.as<bool>()); break;
    case Type::count: json.number(value.as<std::uint64_t>()); break;
    case Type::integer:
    case Type::nats_duration:
    case Type::nats_size: json.number(value.as<std::int64_t>()); break;
    default: json.text(value.as<std::string>()); break;
  }
}

}  // namespace

std::string nats_json(const TypedValue& value) {
  core::JsonWriter json;
  write(value, json);
  return json.take();
}

}  // namespace windtunnel::scenarios
