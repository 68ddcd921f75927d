#include "operator/commands/evidence.h"

#include <algorithm>
#include <filesystem>

#include "host/files.h"
#include "operator/commands/device.h"
#include "operator/decode.h"
#include "operator/download.h"
#include "operator/evidence_bundle.h"
#include "operator/render/evidence_text.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

tl::unexpected<Error> failed(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

tl::expected<EvidencePage, Error> list_all(ControlClient& client, const std::string& device) {
  EvidencePage all;
  for (bool more = true; more;) {
    Request request{"listEvidence", {{"limit", std::uint64_t{500}}}};
    if (!device.empty()) request.fields.emplace_back("device", device);
    if (!all.bundles.empty()) {
      const auto& last = all.bundles.back();
      request.fields.emplace_back("after", last.device + "/" + last.bundle);
    }
    auto answer = client.call(request);
    if (!answer) return tl::make_unexpected(std::move(answer.error()));
    auto page = decode_evidence(*answer);
    if (!page) return page;
    more = page->more && !page->bundles.empty();
    for (auto& bundle : page->bundles) all.bundles.push_back(std::move(bundle));
    for (auto& text : page->json) all.json.push_back(std::move(text));
  }
  return all;
}

// The device's one complete bundle whose digest begins so; its newest when `prefix` is empty.
tl::expected<EvidenceView, Error> find_bundle(ControlClient& client, const std::string& device,
                                              const std::string& prefix) {
  if (!is_id(device)) return failed(ErrorKind::usage, "'" + device + "' is neither a file nor a device id");
  auto all = list_all(client, device);
  if (!all) return tl::make_unexpected(std::move(all.error()));
  auto& bundles = all->bundles;
  std::erase_if(bundles, [&](const EvidenceView& bundle) {
    return !bundle.complete || bundle.bundle.compare(0, prefix.size(), prefix) != 0;
  });
  if (bundles.empty()) {
    const auto which = prefix.empty() ? std::string() : " whose digest begins with " + prefix;
    return failed(ErrorKind::not_found, "no complete bundle of " + device + which +
                                            " is at the broker; see evidence list, or ask for one: evidence request " +
                                            device);
  }
  if (prefix.empty()) {
    return *std::max_element(bundles.begin(), bundles.end(),
                             [](const EvidenceView& a, const EvidenceView& b) { return a.time_s < b.time_s; });
  }
  if (bundles.size() > 1) {
    return failed(ErrorKind::usage, std::to_string(bundles.size()) + " bundles of " + device + " begin with " + prefix +
                                        ": write more of it");
  }
  return bundles.front();
}

// All bytes of it, checked against its digest.
tl::expected<Bytes, Error> fetch(ControlClient& client, const EvidenceView& bundle) {
  Sha256 digest;
  if (!parse_hex(bundle.bundle, digest) || bundle.size > limits::evidence_bundle_len_max)
    return failed(ErrorKind::invalid, "the broker names a bundle that none can be: " + bundle.bundle.substr(0, 64));
  return download(client, {"getEvidence", {{"device", bundle.device}, {"bundle", bundle.bundle}}}, digest,
                  limits::evidence_bundle_len_max);
}

tl::expected<Bytes, Error> fetch_named(const Connection& connection, const std::string& device,
                                       const std::string& prefix, EvidenceView& bundle) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto found = find_bundle(client, device, prefix);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  bundle = std::move(*found);
  return fetch(client, bundle);
}

}  // namespace

Outcome evidence_request(const Connection& connection, const std::string& device, const std::string& reason,
                         const Terminal& terminal) {
  DirectiveOptions options;
  options.order = "send_evidence";
  options.device = device;
  options.reason = reason;
  return directive_give(connection, options, terminal);
}

Outcome evidence_list(const Connection& connection, const std::string& device, const Terminal& terminal) {
  if (!device.empty() && !is_id(device)) return failed(ErrorKind::usage, "'" + device + "' is no device id");
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto all = list_all(client, device);
  if (!all) return tl::make_unexpected(std::move(all.error()));
  if (terminal.json) {
    std::vector<RawJson> items;
    for (auto& text : all->json) items.push_back({std::move(text)});
    *terminal.out << json_object({{"bundles", RawJson{json_array(items)}}}) << "\n";
    return ExitCode::ok;
  }
  // Newest first within a device: what was asked for last is looked for first.
  std::stable_sort(all->bundles.begin(), all->bundles.end(), [](const EvidenceView& a, const EvidenceView& b) {
    return a.device != b.device ? a.device < b.device : a.time_s > b.time_s;
  });
  *terminal.out << (all->bundles.empty() ? "no evidence is at the broker: musterctl evidence request DEVICE\n"
                                         : evidence_table(all->bundles, terminal.columns, terminal.style));
  return ExitCode::ok;
}

Outcome evidence_get(const Connection& connection, const EvidenceGetOptions& options, const Terminal& terminal) {
  EvidenceView bundle;
  const auto bytes = fetch_named(connection, options.device, options.bundle, bundle);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (auto written = host::write_new_file(options.out, *bytes); !written)
    return tl::make_unexpected(std::move(written.error()));
  terminal.result("wrote " + options.out + ", " + std::to_string(bytes->size()) + " bytes of " + bundle.bundle,
                  json_object({{"device", bundle.device},
                               {"bundle", bundle.bundle},
                               {"size", std::uint64_t{bytes->size()}},
                               {"file", options.out}}));
  return ExitCode::ok;
}

Outcome evidence_show(const Connection& connection, const EvidenceShowOptions& options, const Terminal& terminal) {
  std::error_code ignored;
  EvidenceView view;
  const bool is_file = options.bundle.empty() && std::filesystem::is_regular_file(options.what, ignored);
  auto bytes = is_file ? host::read_file(options.what, limits::evidence_bundle_len_max)
                       : fetch_named(connection, options.what, options.bundle, view);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  const auto bundle = decode_bundle(*bytes);
  if (!bundle) return tl::make_unexpected(bundle.error());
  *terminal.out << (terminal.json ? bundle_json(*bundle) + "\n"
                                  : bundle_text(*bundle, terminal.columns, terminal.style));
  return ExitCode::ok;
}

}  // namespace muster::ctl
