#include "mcu-client/ports/mps2-an385/firmware.h"

#include "mcu-client/ports/mps2-an385/board.h"
#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/layout.h"
#include "mcu-client/ports/mps2-an385/net.h"
#include "mcu-client/ports/mps2-an385/random.h"
#include "mcu-client/src/boot/boot_state.h"
#include "mcu-client/src/client/identity.h"
#ifndef MUSTER_PLAIN_TCP
#include "mcu-client/ports/tls/tls_stream.h"
#endif

namespace muster::mcu::mps2 {

namespace {

constexpr std::uint32_t credential_max = 2048;

#ifndef MUSTER_PLAIN_TCP
TlsStream* tls;

void configure_tls(const RecordLog& log, const Identity& identity) {
  static std::uint8_t ca[credential_max], certificate[credential_max], key[credential_max];
  const auto read = [&](IdentityKey which, std::uint8_t* to) {
    const int size = read_credential(log, which, to, credential_max);
    if (size < 0) give_up("the identity has no certificates");
    return ByteView(to, static_cast<std::size_t>(size));
  };
  const TlsCredentials credentials = {read(IdentityKey::ca, ca), read(IdentityKey::certificate, certificate),
                                      read(IdentityKey::private_key, key), identity.broker_name.data()};
  if (tls->configure(credentials) != ok) give_up("the certificates of the identity cannot be used");
}

Port broker_port(const Port& tcp, const RecordLog& log, const Identity& identity) {
  static TlsStream stream(tcp);
  tls = &stream;
  configure_tls(log, identity);
  Port port = tcp;
  port.open = [](void*) { return tls->open(); };
  port.send = [](void*, const std::uint8_t* bytes, std::size_t size) { return tls->send(bytes, size); };
  port.recv = [](void*, std::uint8_t* to, std::size_t size) { return tls->recv(to, size); };
  port.close = [](void*) { tls->close(); };
  return port;
}
#else
Port broker_port(const Port& tcp, const RecordLog&, const Identity&) {
  return tcp;
}
#endif

}  // namespace

void give_up(const char* why) {
  print_line(why);
  abort();
}

const Port& start_firmware() {
  start_console();
  start_clock();
  start_heap();
  feed_watchdog();
  static const Port tcp = tcp_port();
  static const Flash flash(tcp, layout);
  RecordLog boot_log(flash, layout.boot_log);
  BootState boot;
  if (boot_log.mount() != ok || load(boot_log, boot) != ok) give_up("the boot log cannot be read");
  seed_random(boot.starts);
  if (!start_net()) give_up("the Ethernet chip does not answer");
  RecordLog log(flash, layout.identity);
  static Identity identity;
  if (log.mount() != ok || load(log, identity) != ok) give_up("this device has no identity");
  print("device ");
  print_line(identity.device_id.data());
  static const Port port = broker_port(tcp, log, identity);
  return port;
}

}  // namespace muster::mcu::mps2
