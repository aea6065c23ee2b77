#include "core/server/protocol_json.h"

#include <nlohmann/json.hpp>

#include "core/base/json_writer.h"
#include "core/server/server.h"

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

Error bad_json(std::string_view what, std::string_view why) { return error(Errc::protocol, std::string(what) + ": " + std::string(why)); }

// Reads typed fields of one object and remembers the first that has the wrong type. As Go's decoder, null is no value.
class Fields {
 public:
  Fields(std::string_view what, std::string_view text) : what_(what), json_(Json::parse(text, nullptr, false)) {
    if (json_.is_discarded()) {
      failure_ = bad_json(what_, "not valid JSON");
    } else if (!json_.is_object()) {
      failure_ = bad_json(what_, "not an object");
    }
  }
  Fields(std::string_view what, const Json& json) : what_(what), json_(json) {}

  Fields& text(const char* key, std::string& into) {
    if (const Json* const value = find(key); value != nullptr) {
      if (value->is_string()) {
        into = value->get_ref<const std::string&>();
      } else {
        wrong(key);
      }
    }
    return *this;
  }
  Fields& flag(const char* key, bool& into) {
    if (const Json* const value = find(key); value != nullptr) {
      if (value->is_boolean()) {
        into = value->get<bool>();
      } else {
        wrong(key);
      }
    }
    return *this;
  }
  Fields& number(const char* key, std::int64_t& into) {
    if (const Json* const value = find(key); value != nullptr) {
      if (value->is_number_integer()) {
        into = value->get<std::int64_t>();
      } else {
        wrong(key);
      }
    }
    return *this;
  }
  Fields& texts(const char* key, std::vector<std::string>& into) {
    const Json* const value = find(key);
    if (value == nullptr) return *this;
    if (!value->is_array()) return wrong(key);
    for (const Json& item : *value) {
      if (!item.is_string()) return wrong(key);
      into.push_back(item.get_ref<const std::string&>());
    }
    return *this;
  }
  Fields& subjects(const char* key, LeafSubjects& into) {
    const Json* const value = find(key);
    if (value == nullptr) return *this;
    if (!value->is_object()) return wrong(key);
    Fields rules{what_, *value};
    rules.texts("allow", into.allow).texts("deny", into.deny);
    if (!failure_) failure_ = rules.failure_;
    return *this;
  }
  [[nodiscard]] bool has(const char* key) const { return find(key) != nullptr; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  [[nodiscard]] const Json* find(const char* key) const {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  Fields& wrong(const char* key) {
    if (!failure_) failure_ = bad_json(what_, std::string("wrong type of ") + key);
    return *this;
  }

  std::string_view what_;
  Json json_;
  std::optional<Error> failure_;
};

void text_unless_empty(JsonWriter& json, std::string_view key, std::string_view value) {
  if (!value.empty()) json.field(key, value);
}
void true_flag(JsonWriter& json, std::string_view key, bool value) {
  if (value) json.field(key, true);
}
void texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
  json.key(key).begin_array();
  for (const std::string& value : values) json.text(value);
  json.end_array();
}

}  // namespace

std::string info_json(const InfoFields& f) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", f.server_id).field("server_name", f.server_name).field("version", kServerVersion).field("proto", 1);
  json.field("go", "go1.24.4").field("host", f.host).field("port", f.port).field("headers", true);
  true_flag(json, "auth_required", f.auth_required);
  json.field("max_payload", f.max_payload.value);
  true_flag(json, "jetstream", f.jetstream);
  text_unless_empty(json, "ip", f.ip);
  if (f.client_id != 0) json.field("client_id", f.client_id);
  text_unless_empty(json, "client_ip", f.client_ip);
  text_unless_empty(json, "nonce", f.nonce);
  text_unless_empty(json, "cluster", f.cluster);
  text_unless_empty(json, "domain", f.domain);
  true_flag(json, "ldm", f.is_lame_duck);
  true_flag(json, "info_on_connect", f.is_leaf);
  true_flag(json, "connect_info", f.is_connect_info);
  if (f.is_leaf) texts(json, "leafnode_urls", f.leaf_urls);
  if (f.is_connect_info) json.field("remote_account", "$G");
  text_unless_empty(json, "xkey", f.xkey);
  json.end_object();
  return json.take();
}

Status parse_client_connect(std::string_view text, ClientConnect& c) {
  Fields fields{"CONNECT", text};
  std::string other;
  fields.flag("verbose", c.is_verbose).flag("pedantic", c.is_pedantic).flag("echo", c.wants_echo).flag("headers", c.has_headers);
  fields.flag("no_responders", c.wants_no_responders).number("protocol", c.protocol);
  fields.text("name", c.name).text("lang", c.lang).text("version", c.version).text("user", c.user).text("pass", c.password);
  fields.text("account", c.account);
  bool is_new_account = false;
  fields.flag("new_account", is_new_account);
  if (is_new_account && c.account.empty()) c.account = "(new)";
  for (const char* const key : {"auth_token", "nkey", "jwt", "sig"}) {
    fields.text(key, other);
    if (fields.has(key)) c.has_foreign_credentials = true;
  }
  if (fields.failure()) return *fields.failure();
  return {};
}

std::string leaf_connect_json(const LeafConnect& c) {
  JsonWriter json;
  json.begin_object();
  json.field("version", kServerVersion);
  text_unless_empty(json, "user", c.user);
  text_unless_empty(json, "pass", c.password);
  text_unless_empty(json, "server_id", c.server_id);
  text_unless_empty(json, "domain", c.domain);
  text_unless_empty(json, "name", c.name);
  true_flag(json, "is_hub", c.is_hub);
  text_unless_empty(json, "cluster", c.cluster);
  true_flag(json, "headers", c.has_headers);
  true_flag(json, "jetstream", c.has_jetstream);
  if (!c.deny_pub.empty()) texts(json, "deny_pub", c.deny_pub);
  text_unless_empty(json, "remote_account", c.remote_account);
  json.end_object();
  return json.take();
}

Result<LeafConnect> parse_leaf_connect(std::string_view text) {
  Fields fields{"leaf CONNECT", text};
  LeafConnect c;
  fields.text("version", c.version).text("user", c.user).text("pass", c.password).text("server_id", c.server_id);
  fields.text("domain", c.domain).text("name", c.name).text("cluster", c.cluster).text("lang", c.lang);
  fields.text("remote_account", c.remote_account).texts("deny_pub", c.deny_pub);
  fields.flag("is_hub", c.is_hub).flag("headers", c.has_headers).flag("jetstream", c.has_jetstream);
  if (fields.failure()) return *fields.failure();
  return c;
}

Result<LeafInfo> parse_leaf_info(std::string_view text) {
  Fields fields{"leaf INFO", text};
  LeafInfo info;
  std::int64_t id = 0;
  fields.text("server_name", info.server_name).text("domain", info.domain).text("cluster", info.cluster).number("client_id", id);
  fields.flag("headers", info.has_headers).flag("tls_required", info.is_tls_required);
  fields.flag("info_on_connect", info.is_info_on_connect).flag("connect_info", info.is_connect_info);
  fields.text("remote_account", info.remote_account).subjects("import", info.import_rules).subjects("export", info.export_rules);
  if (fields.has("leafnode_urls")) fields.texts("leafnode_urls", info.leaf_urls.emplace());
  if (fields.failure()) return *fields.failure();
  info.client_id = static_cast<std::uint64_t>(id);
  return info;
}

}  // namespace windtunnel::core
