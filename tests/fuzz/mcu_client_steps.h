// The language of the target mcu_client's inputs: a list of steps, each a byte that says which, and what it needs.
// Seeds and target share it. Tests only; constants.
#pragma once

#include <cstdint>

namespace muster::fuzz {

// The lower four bits of a step's first byte; rounds of the client follow each. Numbers are fixed, because kept inputs
// hold them.
enum class ClientStep : std::uint8_t {
  time = 0,          // one byte, squared: milliseconds that pass
  raw = 1,           // topic, two bytes of size (at most 4095; upper bit: QoS 0), the payload
  message = 2,       // number of a fixed message, count of mutations (upper bit: another topic follows), the mutations
  give = 3,          // one byte: how much one recv gives; 0: all
  take = 4,          // one byte: how much one send takes; 0: all
  drop = 5,          // the link is lost
  cut_power = 6,     // two bytes: at which flash operation from now, and how it takes place
  chunks = 7,        // three bytes: what is done to the next answers, with what, how many of them
  stream = 8,        // one byte of size, then bytes that go to the client as they are
  manners = 9,       // one byte of BrokerManners
  cut_given = 10,    // two bytes: the link is lost after so many bytes from the broker
  cut_taken = 11,    // likewise to the broker
  workload = 12,     // one byte of Workload
  start = 13,        // one byte: a ResetCause
  flash_fault = 14,  // one byte: the flash fails once, at this operation from now
  damage = 15,       // with an odd upper half three bytes: a bit of a model slot or a config slot is lost; else nothing
};

// Mutations of a fixed message: each a byte that says which, and two that say where or how much.
enum class Mutation : std::uint8_t { flip = 0, cut = 1, grow = 2, set = 3 };

enum BrokerManners : std::uint8_t {
  no_answers = 1,
  no_pubacks = 2,
  no_chunks = 4,
  no_session = 8,
  unreachable = 16,
  refuses = 32,
  no_acks = 64,
  reversed = 128,
};

enum Workload : std::uint8_t { sensor_fails = 1, sensor_waits = 2, dead = 4, busy = 8 };

enum class Tamper : std::uint8_t { status = 0, offset, total, data, shorter, digest, copies, delay };

// The fixed messages, signed by the fixed keys.
enum FixedMessage : std::uint8_t {
  assign_pair,
  assign_other_pair,
  assign_firmware,
  assign_all,
  assign_nothing,
  assign_stranger,
  assign_expired,
  order_safe_mode,
  order_resume,
  order_pause,
  order_none,
  order_freeze,
  order_rollback,
  order_evidence,
  order_many,
  order_of_group,
  chain_short,
  chain_long,
  chain_gap,
  manifest_there,
  chunk_of_envelope,
  chunk_of_file,
  ack_of_bundle,
  fixed_messages
};

}  // namespace muster::fuzz
