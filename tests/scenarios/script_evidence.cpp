// The commands of scenario files about evidence: a release judged as `musterctl release check` and `release build`
// judge it, and what a broker asks for before a rollout starts; README.md lists them.
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "operator/readiness/judge.h"
#include "operator/readiness/record.h"
#include "operator/render/readiness_text.h"
#include "rules/config/load_release.h"
#include "rules/engine/audit_words.h"
#include "tests/scenarios/script.h"
#include "trust/sha256.h"

namespace muster::rules::test {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> listed(const std::string& text, char separator) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, separator);) items.push_back(item);
  return items;
}

Sha256 digest_of(const std::string& text) {
  return trust::sha256(ByteView(text));
}

// What is there of the start of a digest that people compare.
std::string short_hex(const Sha256& digest) {
  return to_hex(digest).substr(0, 12) + "…";
}

// Of a load: its value, or all that is wrong with the file.
template <typename Value>
const Value& value_of(const std::optional<Value>& value, const std::vector<Diagnostic>& diagnostics) {
  std::string wrong;
  for (const auto& diagnostic : diagnostics) wrong += (wrong.empty() ? "" : "; ") + diagnostic.text();
  if (!value) throw std::runtime_error(wrong);
  return *value;
}

// Files of a release in memory, by the names that its release file gives them.
using Files = std::map<std::string, std::string>;

Files files_beside(const fs::path& release_file, const std::vector<std::string>& names) {
  Files files;
  for (const auto& name : names) files[name] = text_of((release_file.parent_path() / name).string());
  return files;
}

std::vector<ctl::DigestedFile> digested(const Files& files) {
  std::vector<ctl::DigestedFile> list;
  for (const auto& [name, text] : files) list.push_back({name, digest_of(text), text.size()});
  return list;
}

// edit=FILE|THIS|THAT: that in place of the first such text.
void edit(Files& evidence, const std::string& how) {
  const auto parts = listed(how + "|", '|');
  if (parts.size() < 2 || parts.size() > 3) throw std::runtime_error("write edit=FILE|THIS|THAT, not " + how);
  auto& text = evidence.at(parts[0]);
  const auto place = text.find(parts[1]);
  if (place == std::string::npos) throw std::runtime_error(parts[0] + " does not say " + parts[1]);
  text.replace(place, parts[1].size(), parts.size() == 3 ? parts[2] : "");
}

broker::RequiredPolicy required_of(const ScriptLine& line) {
  const auto name = listed(line.words.at(1), '@');
  broker::RequiredPolicy required;
  required.policy = name.at(0);
  if (name.size() > 1) required.version_min = static_cast<std::uint32_t>(std::stoul(name[1]));
  for (const auto& plane : listed(line.option("planes"), ',')) required.planes.push_back(plane_from(plane).value());
  required.classes = listed(line.option("classes"), ',');
  for (const auto& path : line.all("file")) required.digests.push_back(digest_of(text_of(path)));
  return required;
}

}  // namespace

bool Script::evidence_command(const ScriptLine& line) {
  if (line.words[0] == "judge") {
    judge(line);
  } else if (line.words[0] == "require") {
    required_ = {required_of(line)};
  } else {
    return false;
  }
  return true;
}

// As the built release would be, and known from then on when it passes: `release publish` is all that is between.
void Script::judge(const ScriptLine& line) {
  const fs::path path(line.words.at(1));
  const auto loaded = load_release(text_of(path.string()), path.string());
  const auto& spec = value_of(loaded.release, loaded.diagnostics);
  const auto policy_path = line.words.size() > 2 ? line.words[2] : (path.parent_path() / spec.policy).string();
  const auto policy_text = text_of(policy_path);
  const auto loaded_policy = load_policy(policy_text, policy_path);
  const auto& policy = value_of(loaded_policy.policy, loaded_policy.diagnostics);
  auto evidence = files_beside(path, spec.evidence);
  for (const auto& how : line.all("edit")) edit(evidence, how);
  for (const auto& name : line.all("without")) evidence.erase(name);
  const auto list = digested(evidence);
  const ctl::EvidenceSet set(
      list, [&](const ctl::DigestedFile& file) -> tl::expected<std::string, Error> { return evidence.at(file.name); });
  const auto ref = spec.name + "@" + spec.version;
  const auto judgement = ctl::judge(policy, digest_of(policy_text),
                                    {ref, spec.classes, digested(files_beside(path, spec.files)), world_.now_s}, set);
  if (!judgement.passed()) {
    for (const auto& each : listed(ctl::readiness_trouble(judgement, "nothing was built"), '\n'))
      lines_.push_back(each);
    return;
  }
  const broker::Readiness carried{judgement.policy, judgement.policy_version, judgement.policy_sha256,
                                  digest_of(ctl::record_json({judgement, list}))};
  lines_.push_back(ctl::readiness_sentence(judgement));
  lines_.push_back("its manifest names the policy " + carried.policy + " " + std::to_string(carried.version) + " (" +
                   short_hex(carried.policy_sha256) + ") and the record " + short_hex(carried.record_sha256));
  world_.add_release(spec.plane, spec.name, spec.version, spec.security_version);
  world_.known(ref).needs.classes = spec.classes;
  readiness_[ref] = carried;
}

bool Script::refused_by_host(const std::vector<std::string>& refs, const std::string& subject, const ScriptLine& line) {
  for (const auto& ref : refs) {
    if (!world_.knows_release(ref)) continue;  // which the engine says
    const auto& known = world_.known(ref);
    broker::Release release;
    release.name = known.name;
    release.version = known.version;
    release.plane = known.plane;
    release.needs = known.needs;
    release.readiness = readiness_[ref];
    const auto lacking = broker::lacks_readiness(release, required_);
    if (lacking.empty()) continue;
    lines_.push_back("audit " + line.option("by", "alice") + " " + std::string(audit::command_refused) + " " + subject +
                     ": " + lacking);
    lines_.push_back("reply refused: " + lacking);
    return true;
  }
  return false;
}

}  // namespace muster::rules::test
