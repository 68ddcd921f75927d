// The worked example of docs/wire.md: every hexadecimal value in it is computed here again, step by step as the text
// says and without the code under test, and the envelope it ends with is opened by the real one.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "host/bulk_digest.h"
#include "host/files.h"
#include "schemas/directive_generated.h"
#include "tests/unit/host/temporary_folder.h"
#include "tests/unit/trust/fixture.h"
#include "trust/ecdsa.h"

namespace muster::trust {
namespace {

// The key of RFC 6979, appendix A.2.5, which all the world knows.
constexpr std::string_view example_key =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";

Sha256 sha256_of(const Bytes& bytes) {
  host::BulkDigest digest;
  digest.update(bytes);
  return digest.finish();
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes bytes_of(const Sha256& digest) {
  return Bytes(digest.bytes.begin(), digest.bytes.end());
}

// A directive without orders, which is how a scope's last order ends.
Bytes directive(const char* scope) {
  flatbuffers::FlatBufferBuilder builder;
  const auto text = builder.CreateString(scope);
  const auto orders = builder.CreateVector(std::vector<flatbuffers::Offset<wire::Order>>());
  wire::FinishDirectiveBuffer(builder, wire::CreateDirective(builder, text, 7, 1790000000, 1821536000, orders));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

constexpr const char* scopes[] = {"fleet", "device/gw-17", "group/region=de"};

std::string wrapped(const std::string& name, const std::string& hex) {
  std::string text = name + ":\n";
  for (std::size_t at = 0; at < hex.size(); at += 96) text += "  " + hex.substr(at, 96) + "\n";
  return text;
}

class WireExample : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  tl::expected<SigningKey, Error> key_ = [this] {
    EXPECT_TRUE(host::write_new_file(folder_.file("k"), ByteView(example_key), 0600));
    return SigningKey::load(folder_.file("k"));
  }();
  std::vector<Bytes> payloads_ = {directive(scopes[0]), directive(scopes[1]), directive(scopes[2])};

  std::vector<Bytes> sealed() {
    std::vector<ToSign> batch;
    for (const auto& payload : payloads_) batch.push_back({wire::PayloadKind::directive, payload});
    auto envelopes = seal(batch, {&*key_});
    EXPECT_TRUE(envelopes);
    return envelopes.value_or(std::vector<Bytes>());
  }

  // The example as the document prints it.
  std::string text() {
    const Bytes point(key_->point().begin(), key_->point().end());
    const auto key_id = to_hex(sha256_of(point)).substr(0, 32);
    std::vector<Sha256> leaves;
    for (const auto& payload : payloads_) leaves.push_back(sha256_of(joined({{0x00, 4}, payload})));
    const auto node = sha256_of(joined({{0x01}, bytes_of(leaves[0]), bytes_of(leaves[1])}));
    const auto root = sha256_of(joined({{0x01}, bytes_of(node), bytes_of(leaves[2])}));
    const std::string label = "muster-batch-v1";
    const auto digest = sha256_of(joined({Bytes(label.begin(), label.end()), {0x00, 0, 0, 0, 3}, bytes_of(root)}));
    const auto envelopes = sealed();
    const AlignedBytes copy(envelopes[1]);
    const wire::Envelope* envelope = nullptr;
    EXPECT_EQ(verify(copy.view(), envelope), WireFault::none);
    const auto* signature = envelope->signatures()->Get(0)->bytes();
    EXPECT_TRUE(ecdsa_p256_verify(key_->point(), digest, signature->data()));

    std::string text = wrapped("public point", to_hex(point)) + wrapped("key id", key_id);
    for (int i = 0; i < 3; ++i)
      text += wrapped("payload " + std::to_string(i), to_hex(payloads_[static_cast<std::size_t>(i)]));
    for (int i = 0; i < 3; ++i)
      text += wrapped("leaf " + std::to_string(i), to_hex(leaves[static_cast<std::size_t>(i)]));
    text += wrapped("node of leaves 0 and 1", to_hex(node)) + wrapped("Merkle root", to_hex(root)) +
            wrapped("signed digest", to_hex(digest));
    text += wrapped("signature r || s", to_hex(ByteView(signature->data(), signature->size())));
    return text + wrapped("envelope of payload 1", to_hex(envelopes[1]));
  }
};

TEST_F(WireExample, TheDocumentsValuesAreThese) {
  ASSERT_TRUE(key_) << key_.error().message;
  std::ifstream file("docs/wire.md");
  ASSERT_TRUE(file) << "docs/wire.md is read from the root of the tree";
  std::stringstream document;
  document << file.rdbuf();
  EXPECT_NE(document.str().find("```\n" + text() + "```\n"), std::string::npos)
      << "docs/wire.md should hold exactly this block:\n```\n"
      << text() << "```";
}

TEST_F(WireExample, TheEnvelopeOpensForItsScope) {
  ASSERT_TRUE(key_) << key_.error().message;
  const auto root_envelope = seal_root(
      1, 1790000000, 0, {{wire::Role::root, 1, {key_->point()}}, {wire::Role::control, 1, {key_->point()}}}, {&*key_});
  ASSERT_TRUE(root_envelope);
  TrustRoot root;
  ASSERT_EQ(pin_root(AlignedBytes(*root_envelope).view(), root), TrustFault::none);
  const auto envelopes = sealed();
  for (std::size_t i = 0; i < 3; ++i) {
    const AlignedBytes copy(envelopes[i]);
    const wire::Directive* opened = nullptr;
    ASSERT_EQ(open_directive(copy.view(), {&root, 1800000000}, scopes[i], opened), TrustFault::none);
    EXPECT_EQ(opened->epoch(), 7u);
    EXPECT_EQ(opened->orders()->size(), 0u);
  }
}

}  // namespace
}  // namespace muster::trust
