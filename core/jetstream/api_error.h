// ApiError: an error as the JetStream API tells it (reference: jetstream-api 12). Clients match on err_code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::core {

class JsonWriter;

struct ApiError {
  int code = 500;    // like HTTP's
  int err_code = 0;  // the stable identifier
  std::string description;
  bool is_counted = true;  // among the errors of the account's statistics: nats-server leaves some out
  friend bool operator==(const ApiError&, const ApiError&) = default;
};

// nullopt: all is well.
using ApiStatus = std::optional<ApiError>;

// {"code":404,"err_code":10059,"description":"stream not found"}
void write_error(JsonWriter& json, const ApiError& error);

namespace api_errors {

ApiError bad_request();
ApiError invalid_json();
ApiError not_empty_request();
ApiError stream_not_found();
ApiError stream_exists();                                                               // 10058
ApiError stream_name_mismatch();                                                        // 10056
ApiError subjects_overlap();                                                            // 10065
ApiError stream_config(std::string text);                                               // 10052, with code 500
ApiError stream_create(std::string text);                                               // 10049
ApiError stream_update(std::string text);                                               // 10069
ApiError stream_delete(std::string text);                                               // 10050
ApiError mirror_with_subjects();                                                        // 10034
ApiError mirror_with_sources();                                                         // 10031
ApiError mirror_with_first_seq();                                                       // 10143
ApiError mirror_too_small();                                                            // 10030
ApiError mirror_not_updatable();                                                        // 10055
ApiError mirror_name_invalid();                                                         // 10142
ApiError replicas_unclustered();                                                        // 10074
ApiError replicas_negative();                                                           // 10133
ApiError stream_path_separator();                                                       // 10128
ApiError message_not_found();                                                           // 10037
ApiError sequence_not_found(std::string_view seq);                                      // 10043
ApiError message_delete(std::string text);                                              // 10057
ApiError purge_failed(std::string text);                                                // 10110
ApiError sealed();                                                                      // 10109
ApiError external_overlaps(std::string_view prefix, std::string_view subject);          // 10021
ApiError external_deliver_overlaps(std::string_view prefix, std::string_view subject);  // 10022
ApiError external_deliver_wildcards(std::string_view prefix);                           // 10024
ApiError mirror_filter_and_transforms();                                                // 10150
ApiError mirror_filter_invalid();                                                       // 10151
ApiError mirror_filters_overlap();                                                      // 10152
ApiError source_name_invalid();                                                         // 10141
ApiError source_duplicate();                                                            // 10140
ApiError source_too_small();                                                            // 10046
ApiError source_filter_and_transforms();                                                // 10144
ApiError source_filter_invalid();                                                       // 10145
ApiError source_destination_invalid();                                                  // 10146
ApiError source_filters_overlap();                                                      // 10147
ApiError insufficient_memory();                                                         // 10028
ApiError insufficient_storage();                                                        // 10047
ApiError cluster_required();                                                            // 10010
ApiError template_not_found();                                                          // 10068
ApiError template_create(std::string text);                                             // 10066
ApiError template_name_mismatch();                                                      // 10073
ApiError snapshot_subject_invalid();                                                    // 10015
ApiError snapshot_failed(const std::string& text);                                      // 10064
ApiError restore_failed(const std::string& text);                                       // 10062
ApiError restore_exists();                                                              // 10130
ApiError general(std::string text);                                                     // 10051

ApiError consumer_not_found();
ApiError consumer_exists();                                // 10148
ApiError consumer_missing();                               // 10149
ApiError consumer_create(std::string text);                // 10012
ApiError consumer_config_required();                       // 10078
ApiError consumer(int err_code, std::string description);  // the others of a consumer's creation, code 400
ApiError max_consumers();                                  // 10026

ApiError wrong_stream();                      // 10060
ApiError wrong_last_seq(std::uint64_t last);  // 10071
ApiError wrong_last_id(std::string_view id);  // 10070
ApiError rollup(std::string text);            // 10111
ApiError message_too_large();                 // 10054
ApiError headers_too_large();                 // 10097
ApiError insufficient_resources();            // 10023, code 503
ApiError store_failed(std::string text);      // 10077, code 503

}  // namespace api_errors

}  // namespace windtunnel::core
