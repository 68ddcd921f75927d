// After the data sheet of the LAN9118 (SMSC/Microchip): chapter 5 for the registers, chapter 3.12 for the FIFOs.
#include "mcu-client/ports/mps2-an385/lan9118.h"

#include "mcu-client/ports/mps2-an385/registers.h"

namespace muster::mcu::mps2 {

namespace {

enum : std::uintptr_t {
  rx_data = lan9118 + 0x00,
  tx_data = lan9118 + 0x20,
  rx_status = lan9118 + 0x40,
  tx_status = lan9118 + 0x48,
  id_rev = lan9118 + 0x50,
  irq_cfg = lan9118 + 0x54,
  int_sts = lan9118 + 0x58,
  int_en = lan9118 + 0x5c,
  fifo_int = lan9118 + 0x68,
  tx_cfg = lan9118 + 0x70,
  hw_cfg = lan9118 + 0x74,
  rx_fifo_inf = lan9118 + 0x7c,
  tx_fifo_inf = lan9118 + 0x80,
  mac_command = lan9118 + 0xa4,
  mac_data = lan9118 + 0xa8,
};

constexpr std::uint32_t mac_control = 1, mac_high = 2, mac_low = 3;  // registers of the MAC, behind the chip's
constexpr std::uint32_t busy = 1u << 31, read = 1u << 30;
constexpr std::uint32_t transmit = 1u << 3, receive = 1u << 2, full_duplex = 1u << 20;
constexpr std::uint32_t rx_arrived = 1u << 3;
constexpr int patience = 100'000;  // turns of a loop that waits for the chip

void discard(std::uintptr_t fifo) {
  [[maybe_unused]] const std::uint32_t word = reg(fifo);
}

bool wait_clear(std::uintptr_t address, std::uint32_t bit) {
  for (int i = 0; i < patience; ++i) {
    if ((reg(address) & bit) == 0) return true;
  }
  return false;
}

std::uint32_t read_mac(std::uint32_t index) {
  reg(mac_command) = busy | read | index;
  return wait_clear(mac_command, busy) ? reg(mac_data) : 0;
}

void write_mac(std::uint32_t index, std::uint32_t value) {
  reg(mac_data) = value;
  reg(mac_command) = busy | index;
  (void)wait_clear(mac_command, busy);
}

}  // namespace

bool start_ethernet(std::uint8_t (&mac)[6]) {
  if ((reg(id_rev) >> 16) != 0x0118) return false;
  reg(hw_cfg) = 1;  // reset
  if (!wait_clear(hw_cfg, 1)) return false;
  reg(hw_cfg) = 1u << 20 | 5u << 16;  // frames are sent when they are whole; 5 KiB of FIFO for sending
  reg(tx_cfg) = 2;
  write_mac(mac_control, transmit | receive | full_duplex);
  const std::uint32_t low = read_mac(mac_low), high = read_mac(mac_high);
  for (unsigned i = 0; i < 4; ++i) mac[i] = static_cast<std::uint8_t>(low >> (8 * i));
  for (unsigned i = 0; i < 2; ++i) mac[4 + i] = static_cast<std::uint8_t>(high >> (8 * i));
  // An interrupt as long as a frame waits: it ends the sleep of the main loop.
  reg(fifo_int) = 0;
  reg(int_sts) = 0xffffffff;
  reg(int_en) = rx_arrived;
  reg(irq_cfg) = 1u << 8 | 1u << 4 | 1u;  // on, active high, push-pull
  return true;
}

std::size_t next_frame() {
  while (((reg(rx_fifo_inf) >> 16) & 0xffu) != 0) {
    const std::uint32_t status = reg(rx_status);
    const std::size_t size = (status >> 16) & 0x3fffu;  // with its check sum
    const bool damaged = (status & (1u << 15)) != 0;
    if (!damaged && size > 4 && size <= frame_max) return size - 4;
    if (size >= 4) drop_frame(size - 4);
  }
  reg(int_sts) = rx_arrived;
  return 0;
}

void take_frame(std::uint32_t* to, std::size_t size) {
  const std::size_t words = (size + 4 + 3) / 4, wanted = (size + 3) / 4;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint32_t word = reg(rx_data);
    if (i < wanted) to[i] = word;
  }
}

void drop_frame(std::size_t size) {
  for (std::size_t words = (size + 4 + 3) / 4; words != 0; --words) discard(rx_data);
}

bool send_frame(const std::uint32_t* frame, std::size_t size) {
  for (std::uint32_t done = (reg(tx_fifo_inf) >> 16) & 0xffu; done != 0; --done) discard(tx_status);
  if ((reg(tx_fifo_inf) & 0xffffu) < size + 16) return false;
  const auto length = static_cast<std::uint32_t>(size);
  reg(tx_data) = 1u << 13 | 1u << 12 | length;  // first and last part of a frame
  reg(tx_data) = length;
  for (std::size_t i = 0; i < (size + 3) / 4; ++i) reg(tx_data) = frame[i];
  return true;
}

}  // namespace muster::mcu::mps2
