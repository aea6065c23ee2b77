// Parser: the bytes of a NATS connection, in whatever pieces they arrive, as operations (reference: wire 1 to 8, 13.3, 13.4).
//
// Use: feed() a piece, then call next() until it says need_more. Any split of the stream gives the same operations.
//
//   parser.feed(bytes);
//   Operation operation;
//   for (;;) {
//     switch (parser.next(operation)) {
//       case Parse::operation: handle(operation); break;   // may stop calling next() and drop the parser
//       case Parse::need_more: return read_again();
//       case Parse::violation: return close_with(parser.violation());
//     }
//   }
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::core {

// Whose bytes are parsed.
enum class ParserRole : std::uint8_t {
  server_of_client,  // a server reads from a client: CONNECT, PUB, HPUB, SUB, UNSUB, PING, PONG, ...
  leaf,              // a server reads from a leaf connection, on either side: CONNECT, INFO, LS+, LS-, LMSG, HMSG, ...
  client,            // a client reads from a server: INFO, MSG, HMSG, PING, PONG, +OK, -ERR
};

enum class OperationKind : std::uint8_t {
  info,     // json
  connect,  // json
  ping,
  pong,
  ok,
  err,               // text, without the quotes
  publish,           // PUB, HPUB: subject, reply, headers, payload
  subscribe,         // SUB: subject, queue, sid
  unsubscribe,       // UNSUB: sid, max_msgs
  message,           // MSG, HMSG to a client: subject, sid, reply, headers, payload
  leaf_subscribe,    // LS+: subject, queue, weight
  leaf_unsubscribe,  // LS-: subject, queue
  leaf_message,      // LMSG, HMSG: subject, reply, queues, headers, payload
};

// Views live until the next call of next() or feed().
struct Operation {
  OperationKind kind = OperationKind::ping;
  bool has_headers = false;    // HPUB, HMSG
  std::uint32_t max_msgs = 0;  // UNSUB; 0: none was given (or none that can be read)
  std::uint32_t weight = 0;    // LS+ of a queue; 0: none that can be read
  std::string_view text;       // the JSON of INFO and CONNECT, the text of -ERR
  std::string_view subject;
  std::string_view reply;  // empty: none
  std::string_view queue;  // empty: none
  std::string_view sid;
  std::string_view headers;                  // the whole block; empty: none
  std::string_view payload;                  // without the headers
  std::span<const std::string_view> queues;  // the queue groups that a leaf message names
};

enum class Parse : std::uint8_t { operation, need_more, violation };

// Why a connection must be closed, and what to tell the peer first.
struct ParserViolation {
  enum class Kind : std::uint8_t {
    none,
    unknown_operation,
    bad_arguments,  // wrong count, bad size, header larger than total
    control_line_limit,
    payload_limit,
    headers_unsupported,
    connect_required,
  };
  Kind kind = Kind::none;
  std::string_view err;  // the text for -ERR '...'; empty: close without one
};

struct ParserLimits {
  // The arguments of one line. nats-server holds clients to 4096; leafs and servers get a bound only against a peer that
  // never ends its line.
  Bytes max_control_line{4096};
  Bytes max_payload{1024 * 1024};    // header and body of PUB and HPUB; not applied to other roles
  bool has_headers = true;           // server_of_client: HPUB may be used (CONNECT said so, and the server too)
  bool is_connect_required = false;  // the next operation must be CONNECT: credentials are needed
};

inline constexpr Bytes kLongLineMax{1024 * 1024};

class Parser {
 public:
  // With the role's own limits: nats-server's defaults for clients, the long line for the others.
  explicit Parser(ParserRole role) : Parser(role, limits_of(role)) {}
  Parser(ParserRole role, ParserLimits limits);

  [[nodiscard]] static ParserLimits limits_of(ParserRole role);

  // May be changed between operations.
  [[nodiscard]] ParserLimits& limits() { return limits_; }

  // Gives the parser more bytes, which must stay where they are until next() has said need_more. Requires: next() said
  // need_more, or was never called.
  void feed(std::string_view bytes);

  // After a violation it says violation for ever.
  Parse next(Operation& operation);

  [[nodiscard]] const ParserViolation& violation() const { return violation_; }
  // Whether the stream stands between two operations; for a reader that meets the end of its stream.
  [[nodiscard]] bool is_between_operations() const { return state_ == State::start && keyword_node_ == 0; }

 private:
  enum class State : std::uint8_t { start, blank, arguments, skip_line, payload, payload_cr, payload_lf };
  enum class Word : std::uint8_t { none, info, connect, ping, pong, ok, err, pub, hpub, sub, unsub, msg, hmsg, ls_add, ls_remove, lmsg };
  struct Token {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  struct Keywords;

  [[nodiscard]] static const Keywords& keywords_of(ParserRole role);
  Parse fail(ParserViolation::Kind kind);
  bool read_keyword();    // false: needs more, or violation
  bool read_arguments();  // the same
  bool read_payload();    // the same
  void split_arguments();
  bool check_arguments();
  bool check_sizes(std::size_t headers_at, std::size_t total_at);
  [[nodiscard]] std::string_view argument(std::size_t index) const;
  [[nodiscard]] std::uint32_t size_of(std::size_t index, bool& is_good) const;
  void build(Operation& operation);
  void build_message(Operation& operation);
  void finish();
  void keep_line();
  void keep_body();

  ParserRole role_;
  State state_ = State::start;
  Word word_ = Word::none;
  bool held_cr_ = false;    // the last byte of the line so far is a CR that may belong to its end
  bool has_blank_ = false;  // a blank followed the keyword
  std::uint8_t keyword_node_ = 0;
  ParserLimits limits_;
  ParserViolation violation_;
  const Keywords* keywords_;

  std::string_view input_;  // what was fed and not yet consumed
  std::string_view line_;   // the arguments: in the fed bytes, or in line_buffer_
  std::string_view body_;   // the payload: in the fed bytes, or in body_buffer_
  std::string line_buffer_;
  std::string body_buffer_;
  std::vector<Token> tokens_;
  std::vector<std::string_view> queues_;
  std::uint32_t header_size_ = 0;
  std::uint32_t total_size_ = 0;
};

}  // namespace windtunnel::core
