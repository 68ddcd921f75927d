#include "trust/ecdsa.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

namespace muster::trust {

namespace {

// The big numbers of one verification, freed on every way out.
struct Numbers {
  mbedtls_ecp_group group;
  mbedtls_ecp_point point;
  mbedtls_mpi r;
  mbedtls_mpi s;

  Numbers() {
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
  }
  ~Numbers() {
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_group_free(&group);
  }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
};

// 1 ≤ number < order. mbedTLS checks it as well; a library swapped for another is not to be trusted with that.
bool in_range(const mbedtls_mpi& number, const mbedtls_ecp_group& group) {
  return mbedtls_mpi_cmp_int(&number, 1) >= 0 && mbedtls_mpi_cmp_mpi(&number, &group.N) < 0;
}

}  // namespace

bool ecdsa_p256_verify(const PublicPoint& point, const Sha256& digest, const std::uint8_t* signature) {
  Numbers n;
  if (mbedtls_ecp_group_load(&n.group, MBEDTLS_ECP_DP_SECP256R1) != 0) return false;
  if (mbedtls_ecp_point_read_binary(&n.group, &n.point, point.data(), point.size()) != 0) return false;
  if (mbedtls_ecp_check_pubkey(&n.group, &n.point) != 0) return false;
  if (mbedtls_mpi_read_binary(&n.r, signature, 32) != 0 || mbedtls_mpi_read_binary(&n.s, signature + 32, 32) != 0)
    return false;
  if (!in_range(n.r, n.group) || !in_range(n.s, n.group)) return false;
  return mbedtls_ecdsa_verify(&n.group, digest.bytes.data(), digest.bytes.size(), &n.point, &n.r, &n.s) == 0;
}

}  // namespace muster::trust
