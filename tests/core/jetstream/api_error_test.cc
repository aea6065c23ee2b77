#include "core/jetstream/api_error.h"

#include <doctest/doctest.h>

#include "core/base/json_writer.h"

namespace windtunnel::core {
namespace {

TEST_CASE("an error is told with code, err_code and description, in this order") {
  JsonWriter json;
  write_error(json, api_errors::stream_not_found());
  CHECK(json.view() == R"({"code":404,"err_code":10059,"description":"stream not found"})");
}

TEST_CASE("errors have nats-server's codes and texts") {
  struct Row {
    ApiError error;
    int code;
    int err_code;
    const char* description;
  };
  const Row rows[] = {
      {api_errors::bad_request(), 400, 10003, "bad request"},
      {api_errors::invalid_json(), 400, 10025, "invalid JSON"},
      {api_errors::not_empty_request(), 400, 10038, "expected an empty request payload"},
      {api_errors::stream_exists(), 400, 10058, "stream name already in use with a different configuration"},
      {api_errors::stream_config("x"), 500, 10052, "x"},
      {api_errors::stream_create("x"), 500, 10049, "x"},
      {api_errors::mirror_too_small(), 400, 10030, "stream mirror must have max message size >= source"},
      {api_errors::sequence_not_found("9"), 400, 10043, "sequence 9 not found"},
      {api_errors::external_overlaps("$JS.API", "$JS.API"), 400, 10021, "stream external api prefix $JS.API must not overlap with $JS.API"},
      {api_errors::consumer_create("x"), 500, 10012, "x"},
      {api_errors::wrong_last_seq(UINT64_MAX), 400, 10071, "wrong last sequence: 18446744073709551615"},
      {api_errors::wrong_last_id("a"), 400, 10070, "wrong last msg ID: a"},
      {api_errors::rollup("x"), 500, 10111, "x"},
      {api_errors::store_failed("maximum messages exceeded"), 503, 10077, "maximum messages exceeded"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.description);
    CHECK(row.error.code == row.code);
    CHECK(row.error.err_code == row.err_code);
    CHECK(row.error.description == row.description);
  }
}

}  // namespace
}  // namespace windtunnel::core
