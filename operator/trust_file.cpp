#include "operator/trust_file.h"

#include "host/files.h"
#include "schemas/limits.h"
#include "schemas/topics.h"

namespace muster::ctl {

tl::expected<trust::TrustRoot, Error> load_root(const std::string& path) {
  auto bytes = host::read_file(path, limits::root_document_len_max + limits::envelope_overhead_max);
  if (!bytes)
    return tl::make_unexpected(std::move(bytes.error()).with_context("the trust root (--root or MUSTER_ROOT)"));
  const AlignedBytes copy(*bytes);
  trust::TrustRoot root;
  if (const auto fault = trust::pin_root(copy.view(), root); fault != trust::TrustFault::none) {
    return tl::make_unexpected(Error{ErrorKind::untrusted, path + " is no valid root document (" +
                                                               std::string(trust::name_of(fault)) +
                                                               "): use the root.menv that `musterctl keys init` made"});
  }
  return root;
}

tl::expected<void, Error> advance_root_from(ControlClient& client, trust::TrustRoot& root) {
  const std::string topic(format_topic({TopicKind::trust_root, {}}).view());
  if (auto subscribed = client.subscribe(topic); !subscribed) return subscribed;
  // A retained message follows its subscription at once; none within two seconds means that there is none.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (;;) {
    auto message = client.next_message(deadline);
    if (!message) return tl::make_unexpected(std::move(message.error()));
    if (!*message) return {};
    if ((*message)->topic != topic) continue;
    const AlignedBytes copy((*message)->payload);
    if (const auto fault = trust::advance_root(copy.view(), root); fault != trust::TrustFault::none) {
      return tl::make_unexpected(
          Error{ErrorKind::untrusted, "the broker's root chain does not follow from the pinned root (" +
                                          std::string(trust::name_of(fault)) + "): is --root of this installation?"});
    }
    return {};
  }
}

}  // namespace muster::ctl
