#include "scenarios/ledger_writer.h"

#include <charconv>

#include "core/base/data_hash.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"

namespace windtunnel::scenarios {
namespace {

constexpr int kWrongLastSeq = 10071;
constexpr int kStoreFailed = 10077;
constexpr int kTooLarge = 10054;

Refusal refusal_of(const core::PublishOutcome& told) {
  if (told.ack.stream.empty()) return Refusal::other;
  if (told.err_code == kTooLarge) return Refusal::too_large;
  if (told.err_code != kStoreFailed) return Refusal::other;
  if (told.text == "maximum messages per subject exceeded") return Refusal::subject_full;
  return told.text == "maximum messages exceeded" || told.text == "maximum bytes exceeded" ? Refusal::stream_full : Refusal::other;
}

// "wrong last sequence: 17"
std::uint64_t last_seq_told(std::string_view text) {
  const std::string_view digits = text.substr(text.rfind(' ') + 1);
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

LedgerWriter::LedgerWriter(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number, core::Client& client, Terms terms)
    : env_(env),
      world_(world),
      spec_(spec),
      number_(number),
      node_(world.client_node(spec.name)),
      client_(client),
      jetstream_(client),
      terms_(std::move(terms)),
      sizes_(env.random.child("sizes")) {}

LedgerWriter::Letter LedgerWriter::write(std::string headers, std::optional<std::uint64_t> msg_id) {
  Ledger& ledger = world_.ledger();
  Letter letter{.id = ledger.add(number_, env_.clock.now()), .headers = std::move(headers), .payload = {}};
  core::Bytes size = terms_.size.low;
  if (terms_.size.high > terms_.size.low) size = core::Bytes{sizes_.between(terms_.size.low.value, terms_.size.high.value)};
  letter.payload = ledger.payload(letter.id, size);
  if (terms_.msg_id)
    core::append_header(letter.headers, "Nats-Msg-Id", spec_.name + "-" + std::to_string(msg_id.value_or(letter.id.index)));
  ledger.at(letter.id).set_content(core::content_hash(letter.headers, letter.payload));
  record("publish.sent", letter.id);
  return letter;
}

void LedgerWriter::publish_plain(std::string_view subject, const Letter& letter) {
  const core::Status sent =
      client_.publish(core::MessageView{.subject = subject, .reply = {}, .headers = letter.headers, .payload = letter.payload});
  world_.ledger().at(letter.id).settle(sent ? Outcome::sent : Outcome::error, env_.clock.now());
  if (!sent) record("publish.refused", letter.id);
}

LedgerWriter::Told LedgerWriter::publish_awaited(std::string_view subject, const Letter& letter) {
  const PublishId id = letter.id;
  core::PublishOptions options;
  options.headers = letter.headers;
  options.timeout = terms_.timeout;
  options.expect_domain = terms_.domain;
  bool may_be_stored = false;
  for (std::uint64_t attempt = 0;; ++attempt) {
    const core::PublishOutcome told = jetstream_.publish(subject, letter.payload, options);
    if (told.kind == core::PublishOutcome::Kind::acked) {
      settle_acked(id, told.ack);
      return {.is_acked = true, .seq = told.ack.seq, .is_refused = false, .may_be_stored = false};
    }
    // What the disk failed may be there all the same.
    const bool is_unknown = told.kind == core::PublishOutcome::Kind::timeout || told.err_code == kStoreFailed;
    may_be_stored = may_be_stored || is_unknown;
    const bool is_refused = told.err_code == kWrongLastSeq;  // nor would it be taken later
    const bool may_retry = !is_refused && (terms_.retries.until_acked || attempt < terms_.retries.max);
    if (!may_retry || client_.is_closed()) {
      settle_failed(id, told);
      return {.is_acked = false,
              .seq = is_refused ? core::Seq{last_seq_told(told.text)} : core::Seq{},
              .is_refused = is_refused && !may_be_stored,
              .may_be_stored = may_be_stored};
    }
    world_.ledger().at(id).note_attempt(told.kind == core::PublishOutcome::Kind::error && told.code != 0);
    record("publish.retry", id);
    env_.tasks.sleep_until(core::after(env_.clock.now(), terms_.retries.wait));
  }
}

void LedgerWriter::settle_acked(PublishId id, const core::PubAck& ack) {
  const std::uint16_t stream = world_.ledger().stream_number(ack.stream, ack.domain);
  world_.ledger().at(id).settle_acked(env_.clock.now(), stream, ack.seq, ack.duplicate);
  world_.record(node_, core::LogLevel::trace, "publish.acked",
                {{"workload", spec_.name}, {"n", id.index}, {"stream", ack.stream}, {"seq", ack.seq.value}, {"duplicate", ack.duplicate}});
}

void LedgerWriter::settle_failed(PublishId id, const core::PublishOutcome& told) {
  PublishRecord& entry = world_.ledger().at(id);
  const core::Instant now = env_.clock.now();
  if (told.kind == core::PublishOutcome::Kind::no_responders) {
    entry.settle(Outcome::no_responders, now);
    return record("publish.no_responders", id);
  }
  if (told.kind == core::PublishOutcome::Kind::timeout) {
    entry.settle(Outcome::timed_out, now);
    return record("publish.timed_out", id);
  }
  // An error names no domain: it is the one that the publisher expects.
  const std::string& stream = told.ack.stream;
  entry.settle_refused(now, stream.empty() ? std::uint16_t{0} : world_.ledger().stream_number(stream, terms_.domain), refusal_of(told));
  world_.record(node_, core::LogLevel::trace, "publish.error", {{"workload", spec_.name}, {"n", id.index}, {"error", told.text}});
}

void LedgerWriter::record(core::EventName name, PublishId id) {
  world_.record(node_, core::LogLevel::trace, name, {{"workload", spec_.name}, {"n", id.index}});
}

}  // namespace windtunnel::scenarios
