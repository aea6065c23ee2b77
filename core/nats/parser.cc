#include "core/nats/parser.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kSizeDigitsMax = 9;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// What parts arguments, by the byte's value.
constexpr std::array<bool, 256> kParts = [] {
  std::array<bool, 256> parts{};
  for (const char c : {' ', '\t', '\r'}) parts[static_cast<unsigned char>(c)] = true;
  return parts;
}();
bool parts(char c) { return kParts[static_cast<unsigned char>(c)]; }
// Where the argument that begins at `at` ends. Subjects are long, so eight bytes at a time.
std::size_t end_of_argument(std::string_view line, std::size_t at) {
  static_assert(std::endian::native == std::endian::little, "the lowest byte of a word is the first");
  constexpr std::uint64_t kEach = 0x0101010101010101u;
  for (; at + 8 <= line.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, line.data() + at, sizeof word);
    // The top bit of every byte up to the space; a borrow may set that of another behind one, so each is looked at.
    for (std::uint64_t low = (word - kEach * 0x21) & ~word & (kEach * 0x80); low != 0; low &= low - 1) {
      const std::size_t place = at + static_cast<std::size_t>(std::countr_zero(low)) / 8;
      if (parts(line[place])) return place;
    }
  }
  while (at < line.size() && !parts(line[at])) ++at;
  return at;
}

}  // namespace

// The operations of a role as a tree over their letters, so that the first byte that fits no operation is refused where
// it stands. Node 0 is the root, and nobody's child.
struct Parser::Keywords {
  struct Node {
    std::array<std::uint8_t, 128> children{};  // by the letter, large or small; 0: none
    Word word = Word::none;
  };
  std::array<Node, 40> nodes{};
  std::uint8_t used = 1;

  constexpr void add(std::string_view text, Word word) {
    std::uint8_t at = 0;
    for (const char letter : text) {
      std::uint8_t& child = nodes[at].children[byte_of(letter)];
      if (child == 0) {
        child = used++;
        if (letter >= 'a' && letter <= 'z') nodes[at].children[byte_of(letter) - ('a' - 'A')] = child;
      }
      at = child;
    }
    nodes[at].word = word;
  }

  [[nodiscard]] std::uint8_t step(std::uint8_t from, char letter) const {
    const std::size_t byte = byte_of(letter);
    return byte < 128 ? nodes[from].children[byte] : 0;
  }
  static constexpr std::size_t byte_of(char letter) { return static_cast<unsigned char>(letter); }

  static constexpr Keywords make(ParserRole role) {
    Keywords all;
    all.add("info", Word::info);
    all.add("ping", Word::ping);
    all.add("pong", Word::pong);
    all.add("+ok", Word::ok);
    all.add("-err", Word::err);
    if (role != ParserRole::client) all.add("connect", Word::connect);
    if (role == ParserRole::client) {
      all.add("msg", Word::msg);
      all.add("hmsg", Word::hmsg);
    } else if (role == ParserRole::server_of_client) {
      all.add("pub", Word::pub);
      all.add("hpub", Word::hpub);
      all.add("sub", Word::sub);
      all.add("unsub", Word::unsub);
    } else {
      all.add("ls+", Word::ls_add);
      all.add("ls-", Word::ls_remove);
      all.add("lmsg", Word::lmsg);
      all.add("hmsg", Word::hmsg);
    }
    return all;
  }
};

const Parser::Keywords& Parser::keywords_of(ParserRole role) {
  static constexpr Keywords kServer = Keywords::make(ParserRole::server_of_client);
  static constexpr Keywords kLeaf = Keywords::make(ParserRole::leaf);
  static constexpr Keywords kClient = Keywords::make(ParserRole::client);
  switch (role) {
    case ParserRole::server_of_client: return kServer;
    case ParserRole::leaf: return kLeaf;
    case ParserRole::client: return kClient;
  }
  return kServer;
}

Parser::Parser(ParserRole role, ParserLimits limits) : role_(role), limits_(limits), keywords_(&keywords_of(role)) {}

ParserLimits Parser::limits_of(ParserRole role) {
  ParserLimits limits;
  if (role != ParserRole::server_of_client) limits.max_control_line = kLongLineMax;
  return limits;
}

void Parser::feed(std::string_view bytes) {
  WT_ASSERT(input_.empty() || violation_.kind != ParserViolation::Kind::none);
  input_ = bytes;
}

Parse Parser::fail(ParserViolation::Kind kind) {
  using Kind = ParserViolation::Kind;
  violation_.kind = kind;
  switch (kind) {
    case Kind::unknown_operation: violation_.err = "Unknown Protocol Operation"; break;
    case Kind::control_line_limit: violation_.err = "maximum control line exceeded"; break;
    case Kind::payload_limit: violation_.err = "Maximum Payload Violation"; break;
    case Kind::connect_required: violation_.err = "Authorization Violation"; break;
    case Kind::none:
    case Kind::bad_arguments:
    case Kind::headers_unsupported: break;
  }
  return Parse::violation;
}

Parse Parser::next(Operation& operation) {
  if (violation_.kind != ParserViolation::Kind::none) return Parse::violation;
  for (;;) {
    bool goes_on = false;
    switch (state_) {
      case State::start: goes_on = read_keyword(); break;
      case State::blank:
      case State::arguments:
      case State::skip_line: goes_on = read_arguments(); break;
      case State::payload:
      case State::payload_cr:
      case State::payload_lf: goes_on = read_payload(); break;
    }
    if (violation_.kind != ParserViolation::Kind::none) return Parse::violation;
    if (!goes_on) return Parse::need_more;
    if (state_ == State::start && word_ != Word::none) {  // complete
      build(operation);
      finish();
      return Parse::operation;
    }
  }
}

bool Parser::read_keyword() {
  if (input_.empty()) return false;
  if (keyword_node_ == 0) {
    word_ = Word::none;
    has_blank_ = false;
    if (limits_.is_connect_required && input_.front() != 'c' && input_.front() != 'C')
      return fail(ParserViolation::Kind::connect_required), false;
  }
  for (std::size_t at = 0; at < input_.size(); ++at) {
    keyword_node_ = keywords_->step(keyword_node_, input_[at]);
    if (keyword_node_ == 0) return fail(ParserViolation::Kind::unknown_operation), false;
    // No operation's name begins another's, so the first whole word is it.
    word_ = keywords_->nodes[keyword_node_].word;
    if (word_ == Word::none) continue;
    keyword_node_ = 0;
    input_.remove_prefix(at + 1);
    state_ = word_ == Word::ping || word_ == Word::pong || word_ == Word::ok ? State::skip_line : State::blank;
    return true;
  }
  input_ = {};
  return false;
}

// From behind the keyword to the end of the line.
bool Parser::read_arguments() {
  if (state_ == State::skip_line) {
    const std::size_t end = input_.find('\n');
    if (end == std::string_view::npos) return input_ = {}, false;
    input_.remove_prefix(end + 1);
    state_ = State::start;
    return true;
  }
  if (state_ == State::blank) {
    while (!input_.empty() && is_blank(input_.front())) {
      has_blank_ = true;
      input_.remove_prefix(1);
    }
    if (input_.empty()) return false;
    if (!has_blank_ && word_ != Word::connect && word_ != Word::info) return fail(ParserViolation::Kind::unknown_operation), false;
    state_ = State::arguments;
    line_buffer_.clear();
  }
  const std::size_t end = input_.find('\n');
  const std::string_view piece = input_.substr(0, end);
  // A CR is dropped only directly before LF, and the limit is on what remains, however the line was cut up.
  const bool ends_in_cr = piece.empty() ? held_cr_ : piece.back() == '\r';
  const std::size_t kept = piece.size() - (!piece.empty() && ends_in_cr ? 1 : 0);
  const std::size_t held = held_cr_ && !piece.empty() ? 1 : 0;
  if (line_buffer_.size() + held + kept > limits_.max_control_line.value) return fail(ParserViolation::Kind::control_line_limit), false;
  const bool is_whole = end != std::string_view::npos && line_buffer_.empty() && !held_cr_;
  if (is_whole) {
    line_ = piece.substr(0, kept);
  } else {
    if (held != 0) line_buffer_.push_back('\r');
    line_buffer_.append(piece.substr(0, kept));
    held_cr_ = ends_in_cr;
    if (end == std::string_view::npos) return input_ = {}, false;
    line_ = line_buffer_;
  }
  held_cr_ = false;
  input_.remove_prefix(end + 1);
  return check_arguments();
}

void Parser::split_arguments() {
  tokens_.clear();
  for (std::size_t at = 0; at < line_.size();) {
    if (parts(line_[at])) {
      ++at;
      continue;
    }
    const std::size_t end = end_of_argument(line_, at);
    tokens_.push_back(Token{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end - at)});
    at = end;
  }
}

std::string_view Parser::argument(std::size_t index) const { return line_.substr(tokens_[index].begin, tokens_[index].size); }

std::uint32_t Parser::size_of(std::size_t index, bool& is_good) const {
  const std::string_view digits = argument(index);
  is_good = digits.size() <= kSizeDigitsMax;  // never empty
  std::uint32_t value = 0;
  for (std::size_t i = 0; is_good && i < digits.size(); ++i) {
    is_good = digits[i] >= '0' && digits[i] <= '9';
    value = value * 10 + static_cast<std::uint32_t>(digits[i] - '0');
  }
  return is_good ? value : 0;
}

// Sets header_size_ and total_size_; there is no header size if both indices are the same.
bool Parser::check_sizes(std::size_t headers_at, std::size_t total_at) {
  bool is_good = true;
  total_size_ = size_of(total_at, is_good);
  header_size_ = 0;
  if (is_good && headers_at != total_at) {
    header_size_ = size_of(headers_at, is_good);
    is_good = is_good && header_size_ <= total_size_;
  }
  if (!is_good) return fail(ParserViolation::Kind::bad_arguments), false;
  if (role_ == ParserRole::server_of_client && total_size_ > limits_.max_payload.value) {
    return fail(ParserViolation::Kind::payload_limit), false;
  }
  state_ = State::payload;
  body_buffer_.clear();
  return true;
}

bool Parser::check_arguments() {
  state_ = State::start;
  if (word_ == Word::info || word_ == Word::connect || word_ == Word::err) return true;
  if (word_ == Word::hpub && !limits_.has_headers) return fail(ParserViolation::Kind::headers_unsupported), false;
  split_arguments();
  const std::size_t count = tokens_.size();
  const auto check = [&](bool is_good) { return is_good || (fail(ParserViolation::Kind::bad_arguments), false); };
  // The least number of arguments of a message, and how many of its last ones are sizes.
  const std::size_t sizes = word_ == Word::hpub || word_ == Word::hmsg ? 2 : 1;
  switch (word_) {
    case Word::sub: return check(count == 2 || count == 3);
    case Word::unsub: return check(count == 1 || count == 2);
    case Word::ls_add: return check(count == 1 || count == 3);
    case Word::ls_remove: return check(count == 1 || count == 2);
    case Word::pub:
    case Word::hpub: return check(count == 1 + sizes || count == 2 + sizes) && check_sizes(count - sizes, count - 1);
    case Word::msg: return check(count == 3 || count == 4) && check_sizes(count - 1, count - 1);
    case Word::lmsg:
    case Word::hmsg: break;
    default: return true;
  }
  if (role_ == ParserRole::client) return check(count == 4 || count == 5) && check_sizes(count - 2, count - 1);
  const bool has_marker = count > 2 + sizes;
  if (!check(count >= 1 + sizes)) return false;
  if (has_marker && !check(argument(1) == "+" || argument(1) == "|")) return false;
  return check_sizes(count - sizes, count - 1);
}

bool Parser::read_payload() {
  if (state_ == State::payload) {
    if (body_buffer_.empty() && input_.size() >= total_size_) {
      body_ = input_.substr(0, total_size_);
      input_.remove_prefix(total_size_);
    } else {
      // Not reserved at once: the peer has announced the size, not sent it.
      const std::size_t taken = std::min<std::size_t>(input_.size(), total_size_ - body_buffer_.size());
      body_buffer_.append(input_.substr(0, taken));
      input_.remove_prefix(taken);
      if (body_buffer_.size() < total_size_) {
        keep_line();
        return false;
      }
      body_ = body_buffer_;
    }
    state_ = State::payload_cr;
  }
  if (state_ == State::payload_cr) {
    if (input_.empty()) return keep_line(), keep_body(), false;
    if (input_.front() != '\r') return fail(ParserViolation::Kind::unknown_operation), false;
    input_.remove_prefix(1);
    state_ = State::payload_lf;
  }
  if (input_.empty()) return keep_line(), keep_body(), false;
  if (input_.front() != '\n') return fail(ParserViolation::Kind::unknown_operation), false;
  input_.remove_prefix(1);
  state_ = State::start;
  return true;
}

// What still points into the fed bytes is copied before they go away.
void Parser::keep_line() {
  if (line_.data() == line_buffer_.data()) return;
  line_buffer_.assign(line_);
  line_ = line_buffer_;
}

void Parser::keep_body() {
  if (body_.data() == body_buffer_.data()) return;
  body_buffer_.assign(body_);
  body_ = body_buffer_;
}

void Parser::finish() {
  word_ = Word::none;
  // One large message must not hold its memory for the life of the connection.
  constexpr std::size_t kKeptMax = 64 * 1024;
  if (body_buffer_.capacity() > kKeptMax && body_.data() != body_buffer_.data()) std::string().swap(body_buffer_);
}

void Parser::build(Operation& operation) {
  operation = Operation{};
  using Kind = OperationKind;
  bool ignored = true;
  switch (word_) {
    case Word::none: WT_ASSERT(word_ != Word::none); break;
    case Word::info: operation.kind = Kind::info; break;
    case Word::connect: operation.kind = Kind::connect; break;
    case Word::ping: operation.kind = Kind::ping; return;
    case Word::pong: operation.kind = Kind::pong; return;
    case Word::ok: operation.kind = Kind::ok; return;
    case Word::err: operation.kind = Kind::err; break;
    case Word::sub:
      operation.kind = Kind::subscribe;
      operation.subject = argument(0);
      if (tokens_.size() == 3) operation.queue = argument(1);
      operation.sid = argument(tokens_.size() - 1);
      return;
    case Word::unsub:
      operation.kind = Kind::unsubscribe;
      operation.sid = argument(0);
      if (tokens_.size() == 2) operation.max_msgs = size_of(1, ignored);
      return;
    case Word::ls_add:
    case Word::ls_remove:
      operation.kind = word_ == Word::ls_add ? Kind::leaf_subscribe : Kind::leaf_unsubscribe;
      operation.subject = argument(0);
      if (tokens_.size() > 1) operation.queue = argument(1);
      if (tokens_.size() > 2) operation.weight = size_of(2, ignored);
      return;
    case Word::pub:
    case Word::hpub:
    case Word::msg:
    case Word::hmsg:
    case Word::lmsg: build_message(operation); return;
  }
  operation.text = line_;
  while (!operation.text.empty() && is_blank(operation.text.back())) operation.text.remove_suffix(1);
  if (operation.kind == Kind::err && operation.text.size() >= 2 && operation.text.front() == '\'' && operation.text.back() == '\'') {
    operation.text = operation.text.substr(1, operation.text.size() - 2);
  }
}

void Parser::build_message(Operation& operation) {
  operation.has_headers = word_ == Word::hpub || word_ == Word::hmsg;
  operation.headers = body_.substr(0, header_size_);
  operation.payload = body_.substr(header_size_);
  operation.subject = argument(0);
  const std::size_t end = tokens_.size() - (operation.has_headers ? 2 : 1);  // behind the last argument that is no size
  if (word_ == Word::pub || word_ == Word::hpub) {
    operation.kind = OperationKind::publish;
    if (end == 2) operation.reply = argument(1);
  } else if (role_ == ParserRole::client) {
    operation.kind = OperationKind::message;
    operation.sid = argument(1);
    if (end == 3) operation.reply = argument(2);
  } else {
    operation.kind = OperationKind::leaf_message;
    if (end == 2) operation.reply = argument(1);
    if (end < 3) return;
    const bool has_reply = argument(1) == "+";
    if (has_reply) operation.reply = argument(2);
    queues_.clear();
    for (std::size_t i = has_reply ? 3 : 2; i < end; ++i) queues_.push_back(argument(i));
    operation.queues = queues_;
  }
}

}  // namespace windtunnel::core
