// SubjectTransform: rewrites subjects that match a pattern, for streams and republishing (reference: jetstream-api 4, recorded
// from nats-server in transcripts/2.10.27/reshape.jsonl).
//
// Tokens of the destination may name the source's "*" tokens, counted from 1: "$1", "{{wildcard(1)}}",
// "{{partition(10,1,2)}}", "{{split(1,-)}}", "{{splitFromLeft(1,3)}}", "{{splitFromRight(1,3)}}", "{{sliceFromLeft(1,3)}}",
// "{{sliceFromRight(1,3)}}", "{{left(1,3)}}", "{{right(1,3)}}". A ">" at the end of both stands for the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace windtunnel::core {

class SubjectTransform {
 public:
  // An empty source means ">".
  // Errors: invalid_argument; the detail is nats-server's text ("invalid subject", "invalid mapping destination: ...").
  [[nodiscard]] static Result<SubjectTransform> make(std::string_view source, std::string_view destination);

  // Whether some source can have it, and it makes no blanks: what nats-server asks of a source's. An empty one is.
  [[nodiscard]] static bool is_destination(std::string_view destination);

  // nullopt if the subject does not match the source. What comes out need not be a valid subject: a part that a function
  // makes may be empty.
  [[nodiscard]] std::optional<std::string> apply(std::string_view subject) const;

 private:
  enum class Kind : std::uint8_t { literal, wildcard, partition, split, split_left, split_right, slice_left, slice_right, left, right };
  struct Part {
    Kind kind = Kind::literal;
    std::string text;               // a literal's, or what split() divides at
    std::vector<std::size_t> from;  // indices of the subject's tokens
    std::int64_t number = 0;
  };
  struct Function;

  SubjectTransform() = default;
  static Result<Function> parse_function(std::string_view token);
  static void write(const Part& part, const std::vector<std::string_view>& tokens, std::string& out);

  std::string source_;
  std::string destination_;
  std::size_t source_tokens_ = 0;
  bool is_literal_ = false;  // no wildcard in the source: the destination is the answer
  bool has_rest_ = false;    // both end with ">"
  std::vector<Part> parts_;  // without the ">"
};

}  // namespace windtunnel::core
