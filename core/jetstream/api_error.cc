#include "core/jetstream/api_error.h"

#include <cstdint>
#include <utility>

#include "core/base/json_writer.h"

namespace windtunnel::core {

void write_error(JsonWriter& json, const ApiError& error) {
  json.begin_object().field("code", error.code).field("err_code", error.err_code).field("description", error.description).end_object();
}

namespace api_errors {

ApiError bad_request() { return {400, 10003, "bad request"}; }
ApiError invalid_json() { return {400, 10025, "invalid JSON"}; }
ApiError not_empty_request() { return {400, 10038, "expected an empty request payload"}; }
ApiError stream_not_found() { return {404, 10059, "stream not found"}; }
ApiError stream_exists() { return {400, 10058, "stream name already in use with a different configuration"}; }
ApiError stream_name_mismatch() { return {400, 10056, "stream name in subject does not match request"}; }
ApiError subjects_overlap() { return {400, 10065, "subjects overlap with an existing stream"}; }
ApiError stream_config(std::string text) { return {500, 10052, std::move(text)}; }
ApiError stream_create(std::string text) { return {500, 10049, std::move(text)}; }
ApiError stream_update(std::string text) { return {500, 10069, std::move(text)}; }
ApiError stream_delete(std::string text) { return {500, 10050, std::move(text)}; }
ApiError mirror_with_subjects() { return {400, 10034, "stream mirrors can not contain subjects"}; }
ApiError mirror_with_sources() { return {400, 10031, "stream mirrors can not also contain other sources"}; }
ApiError mirror_with_first_seq() { return {400, 10143, "stream mirrors can not have first sequence configured"}; }
ApiError mirror_too_small() { return {400, 10030, "stream mirror must have max message size >= source"}; }
ApiError mirror_not_updatable() { return {400, 10055, "stream mirror configuration can not be updated"}; }
ApiError mirror_name_invalid() { return {400, 10142, "mirrored stream name is invalid"}; }
ApiError replicas_unclustered() { return {500, 10074, "replicas > 1 not supported in non-clustered mode"}; }
ApiError replicas_negative() { return {400, 10133, "replicas count cannot be negative"}; }
ApiError stream_path_separator() { return {400, 10128, "Stream name can not contain path separators"}; }
ApiError message_not_found() { return {404, 10037, "no message found"}; }
ApiError sequence_not_found(std::string_view seq) { return {400, 10043, "sequence " + std::string(seq) + " not found"}; }
ApiError message_delete(std::string text) { return {500, 10057, std::move(text)}; }
ApiError purge_failed(std::string text) { return {500, 10110, std::move(text)}; }
ApiError sealed() { return {400, 10109, "invalid operation on sealed stream"}; }
ApiError external_overlaps(std::string_view prefix, std::string_view subject) {
  return {400, 10021, "stream external api prefix " + std::string(prefix) + " must not overlap with " + std::string(subject)};
}
ApiError external_deliver_wildcards(std::string_view prefix) {
  return {400, 10024, "stream external delivery prefix " + std::string(prefix) + " must not contain wildcards"};
}
ApiError external_deliver_overlaps(std::string_view prefix, std::string_view subject) {
  return {400, 10022, "stream external delivery prefix " + std::string(prefix) + " overlaps with stream subject " + std::string(subject)};
}
ApiError mirror_filter_and_transforms() {
  return {400, 10150, "mirror with multiple subject transforms cannot also have a single subject filter"};
}
ApiError mirror_filter_invalid() { return {400, 10151, "mirror subject filter is invalid"}; }
ApiError mirror_filters_overlap() { return {400, 10152, "mirror subject filters can not overlap"}; }
ApiError source_name_invalid() { return {400, 10141, "sourced stream name is invalid"}; }
ApiError source_duplicate() { return {400, 10140, "duplicate source configuration detected"}; }
ApiError source_too_small() { return {400, 10046, "stream source must have max message size >= target"}; }
ApiError source_filter_and_transforms() {
  return {400, 10144, "source with multiple subject transforms cannot also have a single subject filter"};
}
ApiError source_filter_invalid() { return {400, 10145, "source subject filter is invalid"}; }
ApiError source_destination_invalid() { return {400, 10146, "source transform destination is invalid"}; }
ApiError source_filters_overlap() { return {400, 10147, "source filters can not overlap"}; }
ApiError insufficient_memory() { return {500, 10028, "insufficient memory resources available"}; }
ApiError insufficient_storage() { return {500, 10047, "insufficient storage resources available"}; }
ApiError cluster_required() { return {503, 10010, "JetStream clustering support required"}; }
ApiError template_not_found() { return {404, 10068, "template not found"}; }
ApiError template_create(std::string text) { return {500, 10066, std::move(text)}; }
ApiError template_name_mismatch() { return {400, 10073, "template name in subject does not match request"}; }
ApiError snapshot_subject_invalid() { return {400, 10015, "deliver subject not valid"}; }
ApiError snapshot_failed(const std::string& text) { return {500, 10064, "snapshot failed: " + text}; }
ApiError restore_failed(const std::string& text) { return {500, 10062, "restore failed: " + text}; }
ApiError restore_exists() { return {400, 10130, "stream name already in use, cannot restore"}; }
ApiError general(std::string text) { return {500, 10051, std::move(text)}; }

ApiError consumer_not_found() { return {404, 10014, "consumer not found"}; }
ApiError consumer_exists() { return {400, 10148, "consumer already exists"}; }
ApiError consumer_missing() { return {400, 10149, "consumer does not exist"}; }
ApiError consumer_create(std::string text) { return {500, 10012, std::move(text)}; }
ApiError consumer_config_required() { return {400, 10078, "consumer config required"}; }
ApiError consumer(int err_code, std::string description) { return {400, err_code, std::move(description)}; }
ApiError max_consumers() { return {400, 10026, "maximum consumers limit reached"}; }

ApiError wrong_stream() { return {400, 10060, "expected stream does not match"}; }
ApiError wrong_last_seq(std::uint64_t last) { return {400, 10071, "wrong last sequence: " + std::to_string(last)}; }
ApiError wrong_last_id(std::string_view id) { return {400, 10070, "wrong last msg ID: " + std::string(id)}; }
ApiError rollup(std::string text) { return {500, 10111, std::move(text)}; }
ApiError message_too_large() { return {400, 10054, "message size exceeds maximum allowed"}; }
ApiError headers_too_large() { return {400, 10097, "header size exceeds maximum allowed of 64k"}; }
ApiError insufficient_resources() { return {503, 10023, "insufficient resources"}; }
ApiError store_failed(std::string text) { return {503, 10077, std::move(text)}; }

}  // namespace api_errors
}  // namespace windtunnel::core
