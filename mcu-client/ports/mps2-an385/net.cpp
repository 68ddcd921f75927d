#include "mcu-client/ports/mps2-an385/net.h"

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#include <cstring>

#include "mcu-client/include/error.h"
#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/lan9118.h"
#include "mcu-client/ports/mps2-an385/random.h"

// What lwIP calls (lwip/arch/cc.h).
extern "C" std::uint32_t muster_random_word() {
  std::uint32_t word = 0;
  muster::mcu::mps2::fill_random(reinterpret_cast<std::uint8_t*>(&word), sizeof word);
  return word;
}
extern "C" u32_t sys_now() {
  return static_cast<u32_t>(muster::mcu::mps2::uptime_ms());
}

namespace muster::mcu::mps2 {

namespace {

enum class Stage : std::uint8_t { closed, connecting, open, ended };

struct Stream {
  tcp_pcb* pcb = nullptr;
  pbuf* arrived = nullptr;  // in order; never longer than the window, as that opens only when bytes are taken
  std::uint16_t taken = 0;  // of the first of them
  Stage stage = Stage::closed;
};

netif interface;
Stream stream;
alignas(4) std::uint32_t frame[frame_max / 4];

err_t link_output(netif*, pbuf* packet) {
  if (packet->tot_len > frame_max) return ERR_BUF;
  pbuf_copy_partial(packet, frame, packet->tot_len, 0);
  return send_frame(frame, packet->tot_len) ? ERR_OK : ERR_MEM;
}

err_t set_up(netif* to) {
  to->name[0] = 'e';
  to->name[1] = 'n';
  to->output = etharp_output;
  to->linkoutput = link_output;
  to->mtu = 1500;
  to->hwaddr_len = 6;
  to->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
  return ERR_OK;
}

// --- what lwIP tells of the connection ---

void on_error(void*, err_t) {
  stream.pcb = nullptr;  // freed already
  stream.stage = Stage::ended;
}

err_t on_connect(void*, tcp_pcb*, err_t) {
  stream.stage = Stage::open;
  return ERR_OK;
}

err_t on_receive(void*, tcp_pcb*, pbuf* packet, err_t) {
  if (packet == nullptr) {
    stream.stage = Stage::ended;  // the other side has no more to say
  } else if (stream.arrived == nullptr) {
    stream.arrived = packet;
  } else {
    pbuf_cat(stream.arrived, packet);
  }
  return ERR_OK;
}

void take_frames() {
  for (std::size_t size = next_frame(); size != 0; size = next_frame()) {
    take_frame(frame, size);
    pbuf* packet = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(size), PBUF_POOL);
    if (packet == nullptr) continue;  // lost, and sent again by the other side
    pbuf_take(packet, frame, static_cast<u16_t>(size));
    if (interface.input(packet, &interface) != ERR_OK) pbuf_free(packet);
  }
}

}  // namespace

bool start_net() {
  if (!start_ethernet(interface.hwaddr)) return false;
  lwip_init();
  ip4_addr_t address, mask, gateway;
  IP4_ADDR(&address, 10, 0, 2, 15);
  IP4_ADDR(&mask, 255, 255, 255, 0);
  IP4_ADDR(&gateway, 10, 0, 2, 2);
  netif_add(&interface, &address, &mask, &gateway, nullptr, set_up, ethernet_input);
  netif_set_default(&interface);
  netif_set_up(&interface);
  return true;
}

void poll_net() {
  take_frames();
  sys_check_timeouts();
}

int tcp_stream_open() {
  tcp_stream_close();
  // What is left of earlier connections may wait for minutes for an answer; nobody does here any more.
  while (tcp_active_pcbs != nullptr) tcp_abort(tcp_active_pcbs);
  stream.pcb = tcp_new();
  if (stream.pcb == nullptr) return err_io;
  tcp_err(stream.pcb, on_error);
  tcp_recv(stream.pcb, on_receive);
  tcp_nagle_disable(stream.pcb);
  ip_addr_t broker;
  IP_ADDR4(&broker, 10, 0, 2, 100);
  stream.stage = Stage::connecting;
  if (tcp_connect(stream.pcb, &broker, 1883, on_connect) == ERR_OK) return ok;
  tcp_stream_close();
  return err_io;
}

int tcp_stream_send(const std::uint8_t* bytes, std::size_t size) {
  if (stream.stage == Stage::connecting) return 0;
  if (stream.stage != Stage::open) return err_closed;
  std::size_t part = tcp_sndbuf(stream.pcb);
  if (part > size) part = size;
  if (part == 0) return 0;
  const err_t code = tcp_write(stream.pcb, bytes, static_cast<u16_t>(part), TCP_WRITE_FLAG_COPY);
  if (code != ERR_OK && code != ERR_MEM) return err_closed;
  // Without memory for a copy nothing is taken; acknowledgements free some. In both cases there is something to send.
  tcp_output(stream.pcb);
  return code == ERR_OK ? static_cast<int>(part) : 0;
}

int tcp_stream_recv(std::uint8_t* to, std::size_t size) {
  std::size_t given = 0;
  while (given < size && stream.arrived != nullptr) {
    pbuf* const first = stream.arrived;
    std::size_t part = static_cast<std::size_t>(first->len) - stream.taken;
    if (part > size - given) part = size - given;
    std::memcpy(to + given, static_cast<const std::uint8_t*>(first->payload) + stream.taken, part);
    given += part;
    stream.taken = static_cast<std::uint16_t>(stream.taken + part);
    if (stream.taken < first->len) break;
    stream.arrived = first->next;
    stream.taken = 0;
    if (stream.arrived != nullptr) pbuf_ref(stream.arrived);
    pbuf_free(first);
  }
  if (given != 0) {
    if (stream.pcb != nullptr) tcp_recved(stream.pcb, static_cast<u16_t>(given));
    return static_cast<int>(given);
  }
  return stream.stage == Stage::open || stream.stage == Stage::connecting ? 0 : static_cast<int>(err_closed);
}

void tcp_stream_close() {
  if (stream.arrived != nullptr) pbuf_free(stream.arrived);
  stream.arrived = nullptr;
  stream.taken = 0;
  tcp_pcb* const pcb = stream.pcb;
  stream.pcb = nullptr;
  stream.stage = Stage::closed;
  if (pcb == nullptr) return;
  tcp_err(pcb, nullptr);
  tcp_recv(pcb, nullptr);
  if (tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

}  // namespace muster::mcu::mps2
