#include "operator/commands/audit.h"

#include <algorithm>

#include "operator/audit_chain.h"
#include "operator/audit_pages.h"
#include "operator/render/audit_text.h"
#include "operator/trust_file.h"
#include "schemas/audit_head_generated.h"
#include "trust/envelope.h"

namespace muster::ctl {
namespace {

tl::unexpected<Error> broken(const std::string& what) {
  return tl::make_unexpected(Error{ErrorKind::untrusted, "the audit record is NOT intact: " + what});
}

// The whole record, chained; the last page's head.
struct Record {
  AuditChain chain;
  AuditPage last;
};
tl::expected<Record, Error> fetch_record(ControlClient& client) {
  Record record;
  do {
    auto page = fetch_audit_page(client, record.chain.seq(), audit_page_max);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    for (const auto& entry : page->entries) {
      if (const auto wrong = record.chain.add(entry)) return broken(*wrong);
    }
    if (page->more && page->entries.empty())
      return broken("the broker says that there is more after entry " + std::to_string(record.chain.seq()) +
                    " but gives none");
    record.last = std::move(*page);
  } while (record.last.more);
  return record;
}

// The signed head must say what the answer said beside it.
tl::expected<void, Error> check_signature(ControlClient& client, const AuditPage& page, trust::TrustRoot root) {
  const AlignedBytes envelope(page.head_envelope);
  const wire::AuditHead* head = nullptr;
  auto fault = trust::open_audit_head(envelope.view(), {&root, wall_clock_s()}, head);
  if (fault == trust::TrustFault::unknown_key) {
    // The control key may have been replaced since the root was pinned.
    if (auto advanced = advance_root_from(client, root); !advanced) return advanced;
    fault = trust::open_audit_head(envelope.view(), {&root, wall_clock_s()}, head);
  }
  if (fault != trust::TrustFault::none)
    return broken("the head's signature does not hold (" + std::string(trust::name_of(fault)) + ")");
  Sha256 hash;
  std::copy_n(head->hash()->bytes()->data(), hash.bytes.size(), hash.bytes.begin());
  if (head->seq() != page.head_seq || hash != page.head_hash)
    return broken("the signed head is not the one that the broker names");
  return {};
}

}  // namespace

Outcome audit_show(const Connection& connection, const AuditShowOptions& options, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  std::uint64_t after = options.after.value_or(0);
  if (!options.after) {
    const auto newest = fetch_audit_page(client, 0, 1);
    if (!newest) return tl::make_unexpected(newest.error());
    after = newest->head_seq > options.limit ? newest->head_seq - options.limit : 0;
  }
  std::vector<AuditEntry> entries;
  std::vector<RawJson> json;
  bool more = true;
  while (more && entries.size() < options.limit) {
    const auto page = fetch_audit_page(client, after, std::min(audit_page_max, options.limit - entries.size()));
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& text : page->json) json.push_back({text});
    entries.insert(entries.end(), page->entries.begin(), page->entries.end());
    more = page->more && !page->entries.empty();
    if (!entries.empty()) after = entries.back().seq;
  }
  if (terminal.json)
    *terminal.out << json_object({{"entries", RawJson{json_array(json)}}, {"more", more}}) << "\n";
  else
    *terminal.out << audit_text(entries, terminal.columns, terminal.style);
  if (!terminal.json && more) *terminal.out << "more: musterctl audit show --after " << after << "\n";
  return ExitCode::ok;
}

Outcome audit_verify(const Connection& connection, const AuditVerifyOptions& options, const Terminal& terminal) {
  std::optional<ExpectedHead> expected;
  if (!options.expected_head.empty()) {
    expected = parse_expected_head(options.expected_head);
    if (!expected) {
      return tl::make_unexpected(Error{
          ErrorKind::usage,
          "--expect-head takes SEQ:HASH or HASH, as audit verify prints them, not '" + options.expected_head + "'"});
    }
  }
  if (options.root.empty()) {
    return tl::make_unexpected(Error{
        ErrorKind::usage,
        "the head's signature can not be checked without the trust root: use --root root.menv or set MUSTER_ROOT"});
  }
  const auto root = load_root(options.root);
  if (!root) return tl::make_unexpected(root.error());
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  const auto record = fetch_record(client);
  if (!record) return tl::make_unexpected(record.error());
  const auto& [chain, last] = *record;
  if (chain.seq() == 0 && last.head_seq == 0 && !expected) {
    terminal.result("the audit record is empty", json_object({{"intact", true}, {"entries", std::uint64_t{0}}}));
    return ExitCode::ok;
  }
  if (auto signature = check_signature(client, last, *root); !signature) return tl::make_unexpected(signature.error());
  if (const auto wrong = check_heads(chain, last.head_seq, last.head_hash, expected)) return broken(*wrong);
  auto text = "audit record intact: " + (chain.seq() == 1 ? "1 entry" : std::to_string(chain.seq()) + " entries") +
              ", head " + to_hex(chain.head()) + ", signed";
  if (chain.seq() > last.head_seq) text += " up to entry " + std::to_string(last.head_seq);
  text += "\nkeep " + std::to_string(last.head_seq) + ":" + to_hex(last.head_hash) +
          " to prove later that nothing before it was changed (--expect-head)";
  terminal.result(
      text,
      json_object({{"intact", true},
                   {"entries", chain.seq()},
                   {"head", RawJson{json_object({{"seq", chain.seq()}, {"hash", to_hex(chain.head())}})}},
                   {"signed_head", RawJson{json_object({{"seq", last.head_seq}, {"hash", to_hex(last.head_hash)}})}}}));
  return ExitCode::ok;
}

}  // namespace muster::ctl
