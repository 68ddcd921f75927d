#include "operator/manifest_builder.h"

#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"

namespace muster::ctl {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

template <typename Item>
using Vector = Offset<flatbuffers::Vector<Offset<Item>>>;
template <typename Item>
using Items = std::vector<Offset<Item>>;

wire::Digest to_wire(const Sha256& digest) {
  return wire::Digest(digest.bytes);
}

// Absent rather than empty, so that what was not written takes no bytes and reads as "not said".
Offset<flatbuffers::String> text_or_none(FlatBufferBuilder& builder, const std::string& text) {
  return text.empty() ? Offset<flatbuffers::String>() : builder.CreateString(text);
}
Vector<flatbuffers::String> texts_or_none(FlatBufferBuilder& builder, const std::vector<std::string>& texts) {
  return texts.empty() ? Vector<flatbuffers::String>() : builder.CreateVectorOfStrings(texts);
}
template <typename Item>
Vector<Item> list_or_none(FlatBufferBuilder& builder, const Items<Item>& items) {
  return items.empty() ? Vector<Item>() : builder.CreateVector(items);
}

Vector<wire::FileEntry> files(FlatBufferBuilder& builder, const std::vector<DigestedFile>& digested) {
  Items<wire::FileEntry> items;
  for (const auto& file : digested) {
    const auto digest = to_wire(file.sha256);
    items.push_back(wire::CreateFileEntry(builder, builder.CreateString(file.name), file.size, &digest));
  }
  return builder.CreateVector(items);
}

Vector<wire::NamedDigest> evidence(FlatBufferBuilder& builder, const ManifestFacts& facts) {
  Items<wire::NamedDigest> items;
  if (facts.readiness) return {};  // its record lists them
  for (const auto& file : facts.evidence) {
    const auto digest = to_wire(file.sha256);
    items.push_back(wire::CreateNamedDigest(builder, builder.CreateString(file.name), &digest));
  }
  return list_or_none(builder, items);
}

Vector<wire::Requirement> requirements(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  Items<wire::Requirement> items;
  for (const auto& [plane, version] : spec.requires_min) {
    items.push_back(wire::CreateRequirement(builder, static_cast<wire::Plane>(plane), builder.CreateString(version)));
  }
  return list_or_none(builder, items);
}

Vector<wire::Probe> probes(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  Items<wire::Probe> items;
  for (const auto& probe : spec.probes) {
    items.push_back(wire::CreateProbe(builder, static_cast<wire::ProbeKind>(probe.kind),
                                      builder.CreateString(probe.target), probe.initial_delay_ms, probe.timeout_ms,
                                      probe.attempts, probe.interval_ms));
  }
  return list_or_none(builder, items);
}

Offset<wire::ReadingCondition> condition(FlatBufferBuilder& builder, const rules::ConditionSpec& spec) {
  if (spec.program.empty()) return {};
  const auto program = builder.CreateVector(spec.program);
  return wire::CreateReadingCondition(builder, program, builder.CreateString(spec.source));
}

Offset<wire::Activation> activation(FlatBufferBuilder& builder, const rules::ActivationSpec& spec) {
  if (!spec.any()) return {};
  const auto fetch = condition(builder, spec.fetch_when);
  return wire::CreateActivation(builder, fetch, condition(builder, spec.swap_when), spec.within_s);
}

Vector<wire::RecoveryRule> recovery(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  Items<wire::RecoveryRule> items;
  for (const auto& rule : spec.recovery) {
    const auto program = builder.CreateVector(rule.when.program);
    items.push_back(wire::CreateRecoveryRule(builder, program, static_cast<wire::RecoveryAction>(rule.action),
                                             builder.CreateString(rule.when.source)));
  }
  return list_or_none(builder, items);
}

Vector<wire::KeyValue> provenance(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  Items<wire::KeyValue> items;
  for (const auto& [key, value] : spec.provenance) {
    items.push_back(wire::CreateKeyValue(builder, builder.CreateString(key), builder.CreateString(value)));
  }
  return list_or_none(builder, items);
}

Offset<wire::Readiness> readiness(FlatBufferBuilder& builder, const std::optional<ReadinessFacts>& facts) {
  if (!facts) return {};
  const auto policy = to_wire(facts->policy_sha256), record = to_wire(facts->record_sha256);
  return wire::CreateReadiness(builder, builder.CreateString(facts->policy), facts->policy_version, &policy, &record);
}

Offset<wire::Compatibility> compatibility(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  if (spec.classes.empty() && spec.accelerators.empty() && spec.memory_mb_min == 0 && spec.runtime.empty() &&
      spec.os_versions.empty()) {
    return {};
  }
  const auto classes = texts_or_none(builder, spec.classes);
  const auto accelerators = texts_or_none(builder, spec.accelerators);
  const auto runtime = text_or_none(builder, spec.runtime);
  return wire::CreateCompatibility(builder, classes, spec.memory_mb_min, accelerators, runtime,
                                   texts_or_none(builder, spec.os_versions));
}

Offset<wire::Runtime> runtime(FlatBufferBuilder& builder, const rules::ReleaseSpec& spec) {
  if (spec.tokenizer.empty() && spec.preprocessing.empty() && spec.postprocessing.empty() && spec.delegate.empty() &&
      spec.pipeline_checksum.empty()) {
    return {};
  }
  const auto tokenizer = text_or_none(builder, spec.tokenizer);
  const auto preprocessing = text_or_none(builder, spec.preprocessing);
  const auto postprocessing = text_or_none(builder, spec.postprocessing);
  const auto delegate = text_or_none(builder, spec.delegate);
  return wire::CreateRuntime(builder, tokenizer, preprocessing, postprocessing, delegate,
                             text_or_none(builder, spec.pipeline_checksum));
}

}  // namespace

tl::expected<Bytes, Error> build_manifest(const rules::ReleaseSpec& spec, const ManifestFacts& facts) {
  FlatBufferBuilder builder(4096);
  const auto name = builder.CreateString(spec.name);
  const auto version = builder.CreateString(spec.version);
  const auto file_list = files(builder, facts.files);
  const auto requirement_list = requirements(builder, spec);
  const auto compatible = compatibility(builder, spec);
  const auto contract = runtime(builder, spec);
  const auto probe_list = probes(builder, spec);
  const auto recovery_list = recovery(builder, spec);
  const auto provenance_list = provenance(builder, spec);
  const auto evidence_list = evidence(builder, facts);
  const auto passed = readiness(builder, facts.readiness);
  const auto shadow = text_or_none(builder, spec.shadow);
  const auto waits = activation(builder, spec.activation);
  wire::FinishManifestBuffer(
      builder,
      wire::CreateManifest(builder, name, version, static_cast<wire::Plane>(spec.plane), spec.security_version,
                           file_list, requirement_list, compatible, contract, probe_list, recovery_list,
                           facts.created_s, spec.expires_s, provenance_list, evidence_list, passed, shadow, waits));
  Bytes bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  if (bytes.size() > limits::manifest_len_max) {
    return tl::make_unexpected(Error{ErrorKind::invalid, "the manifest would be " + std::to_string(bytes.size()) +
                                                             " bytes long and may have " +
                                                             std::to_string(limits::manifest_len_max) +
                                                             ": pack files into an archive, or shorten the texts"});
  }
  const AlignedBytes copy(bytes);
  const wire::Manifest* checked = nullptr;
  if (const auto fault = verify(copy.view(), checked); fault != WireFault::none) {
    return tl::make_unexpected(
        Error{ErrorKind::invalid, "devices would refuse this manifest (" + std::string(muster::name_of(fault)) +
                                      "): a name, text or list in it is over a limit of docs/wire.md"});
  }
  return bytes;
}

}  // namespace muster::ctl
