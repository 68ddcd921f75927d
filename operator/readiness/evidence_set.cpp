#include "operator/readiness/evidence_set.h"

namespace muster::ctl {

const DigestedFile* EvidenceSet::find(std::string_view name, std::string& several) const {
  const auto end = "/" + std::string(name);
  const DigestedFile* found = nullptr;
  several.clear();
  for (const auto& file : files_) {
    if (file.name == name) {
      several.clear();
      return &file;
    }
    if (!file.name.ends_with(end)) continue;
    if (found != nullptr) several += (several.empty() ? found->name : "") + ", " + file.name;
    found = &file;
  }
  return several.empty() ? found : nullptr;
}

}  // namespace muster::ctl
