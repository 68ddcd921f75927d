// Everything that a broker can send to an agent: a line with the topic, then the payload. Only what a key of the root
// signed for this device becomes an event; nothing that is refused may make the agent keep more and more.
#include "edge-client/shell/inbound.h"

#include <cstdlib>
#include <filesystem>

#include "schemas/assignment_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/ids.h"
#include "schemas/topics.h"
#include "tests/fuzz/fixed_trust.h"
#include "tests/fuzz/target.h"

namespace {

using namespace muster;

constexpr const char* device = "gw-17";

// A trust store needs a file with a root; the one pinned here is the kept input that is signed by the fixed root key.
edge::TrustStore open_store() {
  auto folder = (std::filesystem::temp_directory_path() / "muster-fuzz-XXXXXX").string();
  FUZZ_REQUIRE(::mkdtemp(folder.data()) != nullptr, "no temporary folder");
  auto store = edge::TrustStore::open(folder, std::string(MUSTER_FUZZ_FOLDER) + "/fixed_root.menv");
  FUZZ_REQUIRE(store.has_value(), store.error().message);
  std::filesystem::remove_all(folder);
  return std::move(*store);
}

}  // namespace

FUZZ_TARGET(agent_inbound) {
  static const edge::TrustStore pinned = open_store();
  auto trust = pinned;
  std::size_t told = 0, chunks = 0, refused = 0;
  edge::Inbound::Ports ports;
  ports.tell = [&](decltype(edge::Event::what) what) {
    ++told;
    if (const auto* directive = std::get_if<edge::DirectiveArrived>(&what)) {
      FUZZ_REQUIRE(is_scope(directive->directive.scope), "a directive for no scope");
    }
  };
  ports.chunk = [&](const wire::Chunk&) { ++chunks; };
  ports.refuse = [&](const std::string& reason, const std::string& text) {
    ++refused;
    FUZZ_REQUIRE(!reason.empty() && !text.empty(), "a refusal without a reason");
  };
  ports.note = [](const std::string&) {};
  ports.broken = [](const Error&) {};
  ports.now_s = [] { return std::uint64_t{1790000000}; };
  edge::Inbound inbound(device, trust, std::move(ports));

  fuzz::Choices choices(input);
  const std::string topic(choices.line());
  const auto payload = choices.rest();
  inbound.take({topic, Bytes(payload.begin(), payload.end()), true});
  FUZZ_REQUIRE(told + chunks + refused <= 1 || topic == "muster/v1/trust/root", "one message, two answers");
  const auto parsed = parse_topic(topic);
  if (told > 0) {
    const bool own =
        parsed.name == device || parsed.kind == TopicKind::group_directive || parsed.kind == TopicKind::fleet_directive;
    FUZZ_REQUIRE(own, "obeyed what came for another device");
  }
}
