#include "mcu-client/ports/tls/tls_stream.h"

#include "mcu-client/ports/tls/mbedtls_compat.h"

namespace muster::mcu {

namespace {

// --- mbedTLS's callbacks; their context is the lower Port ---

int send_below(void* context, const unsigned char* bytes, std::size_t size) {
  const auto& port = *static_cast<const Port*>(context);
  const int sent = port.send(port.context, bytes, size);
  if (sent < 0) return MBEDTLS_ERR_SSL_CONN_EOF;
  return sent == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : sent;
}

int receive_below(void* context, unsigned char* to, std::size_t size) {
  const auto& port = *static_cast<const Port*>(context);
  const int received = port.recv(port.context, to, size);
  if (received < 0) return MBEDTLS_ERR_SSL_CONN_EOF;
  return received == 0 ? MBEDTLS_ERR_SSL_WANT_READ : received;
}

int take_entropy(void* context, unsigned char* to, std::size_t size) {
  const auto& port = *static_cast<const Port*>(context);
  return port.entropy(port.context, to, size) == 0 ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

bool must_wait(int code) {
  return code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE;
}

constexpr int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};

}  // namespace

TlsStream::TlsStream(const Port& lower) : lower_(lower) {
  mbedtls_ssl_init(&ssl_);
  mbedtls_ssl_config_init(&config_);
  mbedtls_ctr_drbg_init(&random_);
  mbedtls_x509_crt_init(&ca_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_pk_init(&key_);
}

TlsStream::~TlsStream() {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_pk_free(&key_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&ca_);
  mbedtls_ctr_drbg_free(&random_);
}

int TlsStream::configure(const TlsCredentials& credentials) {
  const auto parse = [](mbedtls_x509_crt& to, ByteView der) {
    return mbedtls_x509_crt_parse_der(&to, der.data(), der.size());
  };
  void* const below = const_cast<Port*>(&lower_);  // mbedTLS hands it back to the functions above, which only read it
  if (mbedtls_ctr_drbg_seed(&random_, take_entropy, below, nullptr, 0) != 0) return err_io;
  if (parse(ca_, credentials.ca) != 0 || parse(certificate_, credentials.certificate) != 0 ||
      compat::parse_key(key_, credentials.key, random_) != 0)
    return err_provisioning;
  if (mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                  MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
      mbedtls_ssl_conf_own_cert(&config_, &certificate_, &key_) != 0)
    return err_no_space;
  mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&config_, &ca_, nullptr);
  mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
  mbedtls_ssl_conf_ciphersuites(&config_, suites);
  compat::only_tls_1_2(config_);
  if (mbedtls_ssl_conf_max_frag_len(&config_, MBEDTLS_SSL_MAX_FRAG_LEN_4096) != 0) return err_no_space;
  if (mbedtls_ssl_setup(&ssl_, &config_) != 0 || mbedtls_ssl_set_hostname(&ssl_, credentials.broker_name) != 0)
    return err_no_space;
  mbedtls_ssl_set_bio(&ssl_, below, send_below, receive_below, nullptr);
  stage_ = Stage::closed;
  return ok;
}

int TlsStream::open() {
  if (stage_ == Stage::unconfigured) return err_provisioning;
  close();
  if (mbedtls_ssl_session_reset(&ssl_) != 0) return err_no_space;
  const int opened = lower_.open(lower_.context);
  if (opened < 0) return opened;
  stage_ = Stage::handshake;
  return ok;
}

// One step a call: an elliptic curve may take a second on a small chip, and its watchdog wants to be fed in between.
int TlsStream::advance() {
  if (stage_ == Stage::open) return 1;
  if (stage_ != Stage::handshake) return err_closed;
  const int code = mbedtls_ssl_handshake_step(&ssl_);
  if (must_wait(code)) return 0;
  if (code != 0) return lost("TLS handshake failed", code);
  if (!compat::handshake_over(ssl_)) return 0;
  stage_ = Stage::open;
  return 1;
}

// mbedTLS keeps the record that the lower stream did not take whole, and goes on with it when it is asked to write the
// same again; it does not look at the bytes a second time.
int TlsStream::flush() {
  static const unsigned char none[1] = {};
  if (unflushed_ == 0) return 1;
  const int code = mbedtls_ssl_write(&ssl_, none, unflushed_);
  if (must_wait(code)) return 0;
  if (code < 0) return lost("TLS send failed", code);
  unflushed_ = 0;
  return 1;
}

int TlsStream::send(const std::uint8_t* bytes, std::size_t size) {
  int code = advance();
  if (code <= 0) return code;
  code = flush();
  if (code <= 0 || size == 0) return code < 0 ? code : 0;
  const int max = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  if (max <= 0) return lost("TLS send failed", max);
  if (size > static_cast<std::size_t>(max)) size = static_cast<std::size_t>(max);
  code = mbedtls_ssl_write(&ssl_, bytes, size);
  if (must_wait(code)) {
    unflushed_ = size;  // encrypted and on its way: these bytes are taken
    return static_cast<int>(size);
  }
  return code >= 0 ? code : lost("TLS send failed", code);
}

int TlsStream::recv(std::uint8_t* to, std::size_t size) {
  int code = advance();
  if (code <= 0) return code;
  code = flush();
  if (code < 0) return code;
  code = mbedtls_ssl_read(&ssl_, to, size);
  if (code > 0) return code;
  if (must_wait(code)) return 0;
  return code == 0 || code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || code == MBEDTLS_ERR_SSL_CONN_EOF
             ? lost(nullptr, code)
             : lost("TLS receive failed", code);
}

void TlsStream::close() {
  if (stage_ == Stage::unconfigured) return;
  if (stage_ == Stage::open && unflushed_ == 0) (void)mbedtls_ssl_close_notify(&ssl_);
  if (stage_ != Stage::closed) lower_.close(lower_.context);
  stage_ = Stage::closed;
  unflushed_ = 0;
}

// The line names mbedTLS's code: who looks for the cause of a refused certificate has nothing else.
int TlsStream::lost(const char* where, int code) {
  if (where != nullptr && lower_.log != nullptr) {
    char line[48];
    std::size_t at = 0;
    while (where[at] != '\0' && at < 32) {
      line[at] = where[at];
      ++at;
    }
    for (const char* text = ": -0x"; *text != '\0'; ++text) line[at++] = *text;
    for (int shift = 12; shift >= 0; shift -= 4)
      line[at++] = "0123456789abcdef"[(static_cast<unsigned>(-code) >> shift) & 15u];
    line[at] = '\0';
    lower_.log(lower_.context, LogLevel::warning, line);
  }
  stage_ = Stage::closed;
  unflushed_ = 0;
  lower_.close(lower_.context);
  return err_closed;
}

}  // namespace muster::mcu
