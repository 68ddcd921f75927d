#include "tests/e2e/harness/proxy_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace muster::e2e {

const char* name_of(LinkFault fault) {
  switch (fault) {
    case LinkFault::none:
      return "none";
    case LinkFault::delay:
      return "delay";
    case LinkFault::throttle:
      return "throttle";
    case LinkFault::stall:
      return "stall";
    case LinkFault::cut:
      return "cut";
    case LinkFault::reset:
      return "reset";
    case LinkFault::half_close_up:
      return "half_close_up";
    case LinkFault::half_close_down:
      return "half_close_down";
    case LinkFault::black_hole:
      return "black_hole";
  }
  return "?";
}

ProxyLink::ProxyLink(int device, int broker, const LinkPlan& plan, std::uint64_t seed)
    : sockets_{device, broker}, plan_(plan), random_(seed) {}

ProxyLink::~ProxyLink() {
  close_both(false);
}

short ProxyLink::events(Side side, Clock::time_point now) const {
  short events = 0;
  const auto& out = pipes_[side];
  if (!out.ended && (out.dropping || out.held < held_max)) events |= POLLIN;
  if (may_deliver(pipes_[other(side)], now)) events |= POLLOUT;
  return events;
}

bool ProxyLink::may_deliver(const Pipe& pipe, Clock::time_point now) const {
  if (now < stalled_until_ || pipe.dropping) return false;
  if (pipe.pieces.empty()) return pipe.ended && !pipe.end_told;
  if (plan_.fault == LinkFault::throttle && struck_ && pipe.allowance == 0) return false;
  return pipe.pieces.front().due <= now;
}

bool ProxyLink::waits_for_time() const {
  if (struck_ && plan_.fault == LinkFault::stall && stalled_until_ > Clock::now()) return true;
  return std::any_of(pipes_.begin(), pipes_.end(), [](const Pipe& pipe) { return !pipe.pieces.empty(); });
}

void ProxyLink::turn(Clock::time_point now) {
  if (plan_.after_bytes == 0) begin_fault(now);
  refill(now);
  for (const auto from : {device_side, broker_side}) {
    take(from, now);
    deliver(from, now);
  }
  // Both directions told their ends: nothing is left to carry.
  const bool both_ended = std::all_of(pipes_.begin(), pipes_.end(),
                                      [](const Pipe& pipe) { return pipe.ended && (pipe.end_told || pipe.dropping); });
  if (both_ended) close_both(false);
}

void ProxyLink::take(Side from, Clock::time_point now) {
  auto& pipe = pipes_[from];
  std::array<char, 16384> piece;
  while (sockets_[from] >= 0 && !pipe.ended && (pipe.dropping || pipe.held < held_max)) {
    const auto got = ::recv(sockets_[from], piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      pipe.ended = true;
      // Of a reset nothing more can come from either end; a black hole tells nobody.
      if (got < 0 && !(struck_ && plan_.fault == LinkFault::black_hole)) close_both(true);
      return;
    }
    keep(from, std::string(piece.data(), static_cast<std::size_t>(got)), now);
  }
}

void ProxyLink::keep(Side from, std::string bytes, Clock::time_point now) {
  auto& pipe = pipes_[from];
  std::string rest;
  const bool strikes = !struck_ && plan_.fault != LinkFault::none && taken_ + bytes.size() >= plan_.after_bytes;
  if (strikes) {
    const auto before = static_cast<std::size_t>(plan_.after_bytes - std::min(plan_.after_bytes, taken_));
    rest = bytes.substr(before);
    bytes.resize(before);
  }
  taken_ += bytes.size() + rest.size();
  const auto put = [&](std::string part) {
    if (part.empty() || pipe.dropping) return;
    auto due = now;
    if (struck_ && plan_.fault == LinkFault::delay) {
      due += plan_.delay + std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(plan_.delay.count() + 1));
      if (!pipe.pieces.empty()) due = std::max(due, pipe.pieces.back().due);
    }
    pipe.held += part.size();
    pipe.pieces.push_back({due, std::move(part), 0});
  };
  put(std::move(bytes));
  if (!strikes) return;
  // What came before the fault's byte is delivered first, so that the other end holds half a packet.
  deliver(from, now);
  begin_fault(now);
  if (sockets_[from] >= 0) put(std::move(rest));
}

void ProxyLink::deliver(Side from, Clock::time_point now) {
  auto& pipe = pipes_[from];
  const auto to = other(from);
  while (sockets_[to] >= 0 && !pipe.pieces.empty() && may_deliver(pipe, now)) {
    auto& piece = pipe.pieces.front();
    auto size = piece.bytes.size() - piece.done;
    const bool throttled = struck_ && plan_.fault == LinkFault::throttle;
    if (throttled) size = std::min<std::size_t>(size, pipe.allowance);
    const auto sent = ::send(sockets_[to], piece.bytes.data() + piece.done, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (sent < 0) return close_both(true);
    const auto count = static_cast<std::size_t>(sent);
    piece.done += count;
    pipe.held -= count;
    pipe.carried += count;
    if (throttled) pipe.allowance -= count;
    if (piece.done == piece.bytes.size()) pipe.pieces.pop_front();
  }
  if (sockets_[to] >= 0 && pipe.pieces.empty() && may_deliver(pipe, now)) {
    pipe.end_told = true;
    ::shutdown(sockets_[to], SHUT_WR);
  }
}

void ProxyLink::begin_fault(Clock::time_point now) {
  if (struck_ || plan_.fault == LinkFault::none) return;
  struck_ = true;
  const auto half_close = [this](Side from) {
    pipes_[from].dropping = true;
    pipes_[from].pieces.clear();
    pipes_[from].held = 0;
    if (sockets_[other(from)] >= 0) ::shutdown(sockets_[other(from)], SHUT_WR);
  };
  switch (plan_.fault) {
    case LinkFault::none:
    case LinkFault::delay:
      break;
    case LinkFault::throttle:
      refilled_ = now;
      break;
    case LinkFault::stall:
      stalled_until_ = now + plan_.lasts;
      break;
    case LinkFault::cut:
      close_both(false);
      break;
    case LinkFault::reset:
      close_both(true);
      break;
    case LinkFault::half_close_up:
      half_close(device_side);
      break;
    case LinkFault::half_close_down:
      half_close(broker_side);
      break;
    case LinkFault::black_hole:
      for (auto& pipe : pipes_) {
        pipe.dropping = true;
        pipe.pieces.clear();
        pipe.held = 0;
      }
      break;
  }
}

void ProxyLink::strike(const LinkPlan& plan, Clock::time_point now) {
  plan_ = plan;
  struck_ = false;
  begin_fault(now);
}

void ProxyLink::heal(Clock::time_point now) {
  const bool lost_bytes = std::any_of(pipes_.begin(), pipes_.end(), [](const Pipe& pipe) { return pipe.dropping; });
  if (lost_bytes) return close_both(true);
  plan_ = {};
  stalled_until_ = now;
}

// A tenth of a second's worth at most, so that a pause is no credit.
void ProxyLink::refill(Clock::time_point now) {
  if (!struck_ || plan_.fault != LinkFault::throttle) return;
  const auto passed_us = std::chrono::duration_cast<std::chrono::microseconds>(now - refilled_).count();
  const auto more = static_cast<std::uint64_t>(passed_us) * plan_.bytes_per_s / 1000000;
  if (more == 0) return;
  refilled_ = now;
  for (auto& pipe : pipes_)
    pipe.allowance = std::min(pipe.allowance + more, std::max<std::uint64_t>(plan_.bytes_per_s / 10, 1));
}

void ProxyLink::close_one(Side side) {
  if (sockets_[side] >= 0) ::close(std::exchange(sockets_[side], -1));
}

void ProxyLink::close_both(bool by_reset) {
  const linger at_once{1, 0};
  for (const auto side : {device_side, broker_side}) {
    if (by_reset && sockets_[side] >= 0) ::setsockopt(sockets_[side], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_one(side);
  }
}

std::uint64_t ProxyLink::take_carried(Side to) {
  return std::exchange(pipes_[other(to)].carried, 0);
}

}  // namespace muster::e2e
