// TLS 1.2 over a port's byte stream, by mbedTLS, with the device's certificate: ECDHE-ECDSA on P-256. It is a byte
// stream with the same contract as Port's, so that a port puts it in front of its TCP. Never waits: the handshake goes
// one step with each call. Ports only; the client's thread.
//
// What it allocates comes from mbedTLS's own allocator: configure() takes the certificates and the two record buffers,
// once; afterwards only a handshake takes more, and gives it back.
#pragma once

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <cstddef>
#include <cstdint>

#include "mcu-client/include/port.h"
#include "schemas/bytes.h"

namespace muster::mcu {

struct TlsCredentials {
  ByteView ca, certificate, key;      // DER; copied
  const char* broker_name = nullptr;  // what the broker's certificate must say; copied
};

class TlsStream {
 public:
  // Uses open, send, recv, close, entropy and log of `lower`, which must outlive it.
  explicit TlsStream(const Port& lower);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Once, before anything else. err_provisioning when a part is missing or cannot be read, err_io without entropy.
  [[nodiscard]] int configure(const TlsCredentials& credentials);

  // As Port says. open() before configure() is err_provisioning.
  [[nodiscard]] int open();
  [[nodiscard]] int send(const std::uint8_t* bytes, std::size_t size);
  [[nodiscard]] int recv(std::uint8_t* to, std::size_t size);
  void close();

 private:
  enum class Stage : std::uint8_t { unconfigured, closed, handshake, open };

  int advance();  // 1: the handshake is over; 0: not yet
  int flush();    // 1: nothing waits to be sent; 0: the stream takes no more now
  int lost(const char* where, int code);

  const Port& lower_;
  mbedtls_ssl_context ssl_;
  mbedtls_ssl_config config_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_x509_crt ca_, certificate_;
  mbedtls_pk_context key_;
  std::size_t unflushed_ = 0;  // plain bytes of a record that lies encrypted in ssl_ and is not sent whole
  Stage stage_ = Stage::unconfigured;
};

}  // namespace muster::mcu
