#include "edge-client/shell/installer.h"

#include <utility>

namespace muster::edge {

Installer::Installer(Worker& worker, ProcessRunner& processes, const SlotStore& slots, const Config& config, Done done,
                     Warn warn)
    : worker_(worker),
      processes_(processes),
      slots_(slots),
      config_(config),
      done_(std::move(done)),
      warn_(std::move(warn)) {}

void Installer::activate(const Activate& what) {
  queue_.push_back(what);
  if (queue_.size() == 1) begin_next();
}

void Installer::begin_next() {
  const auto& what = queue_.front();
  const auto& plane = config_.planes[index_of(what.plane)];
  if (!plane || plane->installer == InstallerKind::slot) {
    flip();
    return;
  }
  const std::string name = wire::EnumNamePlane(what.plane);
  if (what.active.is_zero()) {
    finish(Fault{ErrorCode::install_failed, "plane " + name + " is installed by a command and can not be emptied"});
    return;
  }
  auto command = plane->command;
  command.push_back(slots_.path_of(what.plane, what.active));
  processes_.run(command, plane->timeout_ms, [this, name](const CommandResult& result) {
    if (!result.ok()) {
      finish(Fault{ErrorCode::install_failed, "the installer of plane " + name + ": " + result.text()});
      return;
    }
    flip();
  });
}

void Installer::flip() {
  worker_.run([this, &slots = slots_, what = queue_.front()]() -> EventLoop::Task {
    auto flipped = slots.flip(what.plane, what.active, what.previous);
    return [this, flipped = std::move(flipped)] {
      if (!flipped) return finish(flipped.error());
      const auto& now = queue_.front();
      const auto& plane = config_.planes[index_of(now.plane)];
      if (!plane || plane->installer != InstallerKind::slot || plane->notify.empty()) return finish(std::nullopt);
      processes_.run(plane->notify, plane->timeout_ms, [this](const CommandResult& result) {
        if (result.ok()) return finish(std::nullopt);
        const auto text = "telling the workload about plane " + std::string(wire::EnumNamePlane(queue_.front().plane)) +
                          ": " + result.text();
        if (!queue_.front().going_back) return finish(Fault{ErrorCode::install_failed, text});
        // Going back, the workload may be what is broken; the pointer is what counts.
        warn_(text);
        finish(std::nullopt);
      });
    };
  });
}

void Installer::finish(const std::optional<Fault>& fault) {
  const auto what = queue_.front();
  queue_.pop_front();
  if (!queue_.empty()) begin_next();
  done_(what, fault);
}

}  // namespace muster::edge
