// A recorded conversation between a client and a real nats-server, and what a server of ours said instead: the two compared. Who
// replays it says where: transcript_world.h in the simulated world, transcript_tcp.h over TCP against `windtunnel serve`.
//
// What the client said is sent again at the recorded times. What the server said is compared field by field after the
// values that differ from run to run were replaced, by the name of their field. Answers to different requests may come in
// another order than recorded; those to one subject of one subscription may not.
//
// Where ours differs for a reason, the reason is listed with the line. An exception that is not needed (any more) is an
// error as much as a difference is.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/defects.h"
#include "core/base/types.h"

namespace windtunnel::tests {

// We answer, with something else.
struct TranscriptException {
  std::size_t line;  // of the transcript file, from 1: what the real server said
  const char* why;
};

// Client lines that the recorder left out: sent just before `line`.
struct TranscriptInsertion {
  std::size_t line;
  std::string bytes;
};

struct TranscriptOptions {
  std::vector<TranscriptException> exceptions;
  std::vector<TranscriptInsertion> insertions;
  // Subjects of which we say nothing at all, with the reason. A message of ours on one of them is an error.
  std::vector<std::pair<std::string, const char*>> silent_subjects;
  core::Defects defects;  // of the recorded release
};

struct TranscriptReport {
  std::size_t compared = 0;             // messages of the real server that ours said as well
  std::vector<std::string> complaints;  // differences, and exceptions without need
};

// One line of a transcript, notes left out.
struct TranscriptLine {
  std::size_t number = 0;  // in the file, from 1
  core::Duration at{0};    // since the first one
  int connection = 0;
  bool is_server = false;
  std::string line;  // without CR LF
  std::string headers;
  std::string body;
  bool has_body = false;
};
// `path`: of the .jsonl.
[[nodiscard]] std::vector<TranscriptLine> read_transcript(const std::string& path);
// What the client put on the wire.
[[nodiscard]] std::string bytes_of(const TranscriptLine& line);
// The client itself answers PING, so a recorded PONG is not sent.
[[nodiscard]] bool is_sent(const TranscriptLine& line);
// Lines that belong to the connection (INFO, PING, PONG, +OK), not to JetStream; connect.jsonl is about them.
[[nodiscard]] bool is_of_connection(std::string_view line);

// What a server said, comparable.
struct TranscriptSaid {
  std::size_t number = 0;  // of the transcript's line; 0: ours
  std::string subject;     // "(protocol)" if it is no message; the line is the body then
  std::string sid;
  std::string reply;
  std::string headers;
  std::string body;
};
// `line`: of MSG or HMSG, or any other.
[[nodiscard]] TranscriptSaid said_by(std::string_view line, std::string headers, std::string body);

// `ours`: what our server said, by connection, without lines that belong to it.
[[nodiscard]] TranscriptReport compare_transcript(const std::vector<TranscriptLine>& lines, const TranscriptOptions& options,
                                                  std::map<int, std::vector<TranscriptSaid>> ours);

}  // namespace windtunnel::tests
