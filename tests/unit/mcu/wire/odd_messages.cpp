#include "tests/unit/mcu/wire/odd_messages.h"

#include <functional>

#include "schemas/limits.h"
#include "tests/unit/schemas/samples.h"

namespace muster::test {

namespace {

using compact::MessageKind;
using Random = std::mt19937_64;

template <class Value>
Value one_of(std::initializer_list<Value> values, Random& random) {
  return *(values.begin() + random() % values.size());
}

std::string some_name(Random& random) {
  return one_of<std::string>({"",
                              "a",
                              "gw-17",
                              ".hidden",
                              "a/b",
                              "a+b@c",
                              std::string(32, 'v'),
                              std::string(33, 'v'),
                              std::string(64, 'i'),
                              std::string(65, 'i'),
                              std::string(128, 'f'),
                              std::string(129, 'f'),
                              std::string("a\0b", 3),
                              "a//b",
                              "/a",
                              "a/",
                              "a/.b",
                              "\xC3\xA4",
                              "manifest.menv",
                              "sub/manifest.menv",
                              "A..Z_9-"},
                             random);
}

std::string some_text(Random& random) {
  return one_of<std::string>({"",
                              "plain",
                              "two\nlines\t",
                              "\x1B[2J",
                              "caf\xE9",
                              "gr\xC3\xB6\xC3\x9F",
                              "\xE2\x82\xAC",
                              "\xE0\x80\x80",
                              "\xED\xA0\x80",
                              "\xF0\x9F\x98\x80",
                              "\xF4\x90\x80\x80",
                              "\xC0\x80",
                              "\x7F",
                              std::string(64, 'b'),
                              std::string(65, 'b'),
                              std::string(256, 't'),
                              std::string(257, 't'),
                              std::string(256, '\x01'),
                              std::string(4096, 'c'),
                              std::string(4097, 'c')},
                             random);
}

std::string some_scope(Random& random) {
  return one_of<std::string>({"fleet",
                              "fleet ",
                              "flee",
                              "",
                              "device/",
                              "device/gw-17",
                              "device/a/b",
                              "device",
                              "group/",
                              "group/region=",
                              "group/region=de",
                              "group/class=a.b",
                              "group/site=x",
                              "group/customer=x",
                              "group/os_version=1",
                              "group/memory_tier=s",
                              "group/tag=night",
                              "group/tags=night",
                              "group/colour=red",
                              "group/tag",
                              "group/tag==x",
                              "device/" + some_name(random),
                              "group/tag=" + some_name(random),
                              some_name(random)},
                             random);
}

std::string some_target(Random& random) {
  return one_of<std::string>({"golden-replay",
                              "http://127.0.0.1/",
                              "https://x",
                              "http:/x",
                              "https:",
                              "/",
                              "//",
                              "/a",
                              "/a/",
                              "/a//b",
                              "/a/./b",
                              "/a/../b",
                              "/a/..",
                              "/.",
                              "/...",
                              "/a/.../b",
                              "/.a",
                              "a/b",
                              "../a",
                              some_name(random),
                              some_text(random)},
                             random);
}

std::size_t some_count(std::size_t max, Random& random) {
  return one_of<std::size_t>({0, 1, max, max + 1}, random);
}

template <class Spec>
using Change = std::function<void(Spec&, Random&)>;

// Up to four changes, each at most once in a spec on average.
template <class Spec>
Bytes changed(std::initializer_list<Change<Spec>> changes, Random& random) {
  Spec spec;
  for (auto left = random() % 5; left != 0; --left) (*(changes.begin() + random() % changes.size()))(spec, random);
  return build(spec);
}

Bytes odd_envelope(Random& random) {
  using S = EnvelopeSpec;
  return changed<S>(
      {[](S& s, Random& r) { s.kind = static_cast<unsigned>(r() % 7); },
       [](S& s, Random& r) {
         s.payload_len = one_of<std::size_t>({0, 1, 128, 129, 2048, 2049, 4096, 4097, 8192, 8193, 65536, 65537}, r);
       },
       [](S& s, Random&) { s.aligned = false; },
       [](S& s, Random& r) {
         s.leaf_index = one_of({0u, 4u, 5u, ~0u}, r);
       },
       [](S& s, Random& r) {
         s.leaf_count = one_of({0u, 1u, 3u, limits::batch_max, limits::batch_max + 1}, r);
       },
       [](S& s, Random& r) { s.path_len = some_count(limits::merkle_depth_max, r); },
       [](S& s, Random& r) { s.signatures = some_count(limits::signatures_max, r); },
       [](S& s, Random& r) {
         s.signature_len = one_of<std::size_t>({0, 63, 64, 65}, r);
       }},
      random);
}

Bytes odd_root(Random& random) {
  using S = RootDocumentSpec;
  return changed<S>({[](S& s, Random&) { s.version = 0; },
                     [](S& s, Random& r) { s.roles[r() % s.roles.size()].role = static_cast<unsigned>(r() % 4); },
                     [](S& s, Random& r) {
                       s.roles[r() % s.roles.size()].threshold = one_of({0u, 1u, 4u, 255u}, r);
                     },
                     [](S& s, Random& r) { s.roles[r() % s.roles.size()].keys = some_count(limits::root_keys_max, r); },
                     [](S& s, Random& r) {
                       s.roles[r() % s.roles.size()].point_len = one_of<std::size_t>({0, 1, 64, 65, 66}, r);
                     },
                     [](S& s, Random& r) { s.roles[r() % s.roles.size()].point_form = 2; },
                     [](S& s, Random&) {
                       s.roles.push_back({0, 1, 1});
                     }},
                    random);
}

Bytes odd_manifest(Random& random) {
  using S = ManifestSpec;
  return changed<S>(
      {[](S& s, Random& r) { s.name = some_name(r); },
       [](S& s, Random& r) { s.version = some_name(r); },
       [](S& s, Random& r) { s.plane = static_cast<unsigned>(r() % 4); },
       [](S& s, Random& r) {
         s.files.push_back({some_name(r), one_of<std::uint64_t>({0, 1ull << 40, (1ull << 40) + 1, ~0ull}, r)});
       },
       [](S& s, Random& r) {
         s.files.push_back({one_of<std::string>({"lang", "lang/labels.txt", "lang/labels", "l"}, r), 1});
       },
       [](S& s, Random& r) {
         s.files.clear();
         const auto count = some_count(limits::files_max, r);
         for (std::size_t i = 0; i < count; ++i) s.files.push_back({"f" + std::to_string(i), i});
       },
       [](S& s, Random& r) { s.requirement_planes.assign(r() % 5, static_cast<unsigned>(r() % 4)); },
       [](S& s, Random& r) { s.min_version = some_name(r); },
       [](S& s, Random& r) { s.classes.assign(some_count(limits::classes_max, r), some_name(r)); },
       [](S& s, Random& r) { s.os_versions.assign(some_count(limits::classes_max, r), some_name(r)); },
       [](S& s, Random& r) { s.tokenizer = some_text(r); },
       [](S& s, Random& r) {
         s.probes.assign(some_count(limits::probes_max, r), {static_cast<unsigned>(r() % 4), some_target(r), 30000, 3});
       },
       [](S& s, Random& r) {
         s.probes.push_back({static_cast<unsigned>(r() % 3), some_target(r), 30000, 3});
       },
       [](S& s, Random& r) {
         s.probes.push_back({0, "x", one_of({0u, 1u, 3600000u, 3600001u, ~0u}, r), static_cast<unsigned>(r() % 2)});
       },
       [](S& s, Random& r) { s.recovery_rules = some_count(limits::recovery_rules_max, r); },
       [](S& s, Random& r) { s.program_len = some_count(limits::program_len_max, r); },
       [](S& s, Random& r) { s.action = static_cast<unsigned>(r() % 7); },
       [](S& s, Random& r) { s.source = some_text(r); },
       [](S& s, Random& r) { s.provenance.assign(some_count(limits::key_values_max, r), some_name(r)); },
       [](S& s, Random& r) { s.provenance_value = some_text(r); },
       [](S& s, Random& r) { s.evidence.assign(some_count(limits::evidence_files_max, r), some_name(r)); },
       [](S& s, Random&) { s.readiness = false; },
       [](S& s, Random& r) { s.policy = some_name(r); },
       [](S& s, Random& r) { s.shadow = some_name(r); },
       [](S& s, Random&) { s.activation = false; },
       [](S& s, Random& r) { s.fetch_program_len = some_count(limits::program_len_max, r); },
       [](S& s, Random& r) { s.swap_program_len = some_count(limits::program_len_max, r); },
       [](S& s, Random& r) { s.wait_source = some_text(r); },
       [](S& s, Random& r) {
         s.within_s = one_of({0u, 1u, limits::activation_within_s_max, limits::activation_within_s_max + 1, ~0u}, r);
       }},
      random);
}

Bytes odd_assignment(Random& random) {
  using S = AssignmentSpec;
  return changed<S>(
      {[](S& s, Random& r) { s.device_id = some_name(r); }, [](S& s, Random& r) { s.rollout = some_name(r); },
       [](S& s, Random& r) { s.releases.resize(r() % 5); },
       [](S& s, Random& r) {
         for (auto& release : s.releases) release.plane = static_cast<unsigned>(r() % 4);
       },
       [](S& s, Random& r) {
         for (auto& release : s.releases) release.name = some_name(r);
       },
       [](S& s, Random& r) {
         const auto len = static_cast<std::uint32_t>(limits::envelope_len_max);
         if (!s.releases.empty())
           s.releases[0] = {1, r() % 2 == 0, r() % 2 == 0, one_of({0u, 1u, len, len + 1}, r), "x"};
       },
       [](S& s, Random& r) { s.hold = static_cast<unsigned>(r() % 4); },
       [](S& s, Random& r) { s.shadow.resize(r() % 5); },
       [](S& s, Random& r) {
         for (auto& release : s.shadow) release.plane = static_cast<unsigned>(r() % 4);
       },
       [](S& s, Random& r) {
         for (auto& release : s.shadow) release.name = some_name(r);
       },
       [](S& s, Random& r) {
         const auto len = static_cast<std::uint32_t>(limits::envelope_len_max);
         if (!s.shadow.empty()) s.shadow[0] = {1, r() % 2 == 0, r() % 2 == 0, one_of({0u, 1u, len, len + 1}, r), "x"};
       }},
      random);
}

Bytes odd_directive(Random& random) {
  using S = DirectiveSpec;
  return changed<S>({[](S& s, Random& r) { s.scope = some_scope(r); },
                     [](S& s, Random& r) { s.orders.assign(some_count(limits::orders_max, r), {}); },
                     [](S& s, Random& r) {
                       s.orders.push_back({static_cast<unsigned>(r() % 6), static_cast<unsigned>(r() % 4), r() % 2 == 0,
                                           some_text(r), some_text(r)});
                     },
                     [](S& s, Random& r) {
                       s.orders.push_back({2, 1, r() % 2 == 0, some_text(r), "x"});
                     }},
                    random);
}

Bytes odd_chunk(Random& random) {
  using S = ChunkSpec;
  return changed<S>({[](S& s, Random& r) {
                       s.offset = one_of<std::uint64_t>({0, 99, 101, 400, 401, ~0ull}, r);
                     },
                     [](S& s, Random& r) {
                       s.total = one_of<std::uint64_t>({0, 300, 399, 401, 65536, ~0ull}, r);
                     },
                     [](S& s, Random& r) { s.status = static_cast<unsigned>(r() % 5); },
                     [](S& s, Random& r) {
                       s.data_len = one_of<std::size_t>({0, 1, 301, 65536, 65537}, r);
                     },
                     [](S& s, Random&) { s.aligned = false; }},
                    random);
}

Bytes odd_root_chain(Random& random) {
  using S = RootChainSpec;
  return changed<S>({[](S& s, Random& r) { s.documents = some_count(limits::root_documents_max, r); },
                     [](S& s, Random& r) {
                       s.documents = 1;
                       s.document_len = some_count(limits::envelope_len_max, r);
                     },
                     [](S& s, Random&) { s.aligned = false; }},
                    random);
}

}  // namespace

Bytes good_message(MessageKind kind) {
  switch (kind) {
    case MessageKind::envelope:
      return build(EnvelopeSpec{});
    case MessageKind::root_document:
      return build(RootDocumentSpec{});
    case MessageKind::manifest:
      return build(ManifestSpec{});
    case MessageKind::assignment:
      return build(AssignmentSpec{});
    case MessageKind::directive:
      return build(DirectiveSpec{});
    case MessageKind::audit_head:
      return build(AuditHeadSpec{});
    case MessageKind::chunk:
      return build(ChunkSpec{});
    case MessageKind::ack:
      return build(AckSpec{});
    case MessageKind::root_chain:
      return build(RootChainSpec{});
  }
  return {};
}

Bytes odd_message(MessageKind kind, Random& random) {
  switch (kind) {
    case MessageKind::envelope:
      return odd_envelope(random);
    case MessageKind::root_document:
      return odd_root(random);
    case MessageKind::manifest:
      return odd_manifest(random);
    case MessageKind::assignment:
      return odd_assignment(random);
    case MessageKind::directive:
      return odd_directive(random);
    case MessageKind::chunk:
      return odd_chunk(random);
    case MessageKind::root_chain:
      return odd_root_chain(random);
    default:  // without contents that could be wrong
      return good_message(kind);
  }
}

}  // namespace muster::test
