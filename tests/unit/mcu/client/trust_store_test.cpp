// The pinned root and its way along chains: in pieces, cut off anywhere, and from someone hostile.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/client/board.h"

namespace muster::mcu::testing {
namespace {

constexpr std::uint32_t work_size = 4096;

// Documents 1 … count, each with a new control key and the root key that signs its successor.
struct Chain {
  explicit Chain(unsigned count) : root_keys(test::new_keys(1)) {
    for (unsigned version = 1; version <= count; ++version) {
      const auto control = test::new_keys(1);
      documents.push_back(trust::seal_root(version, version, 0,
                                           {{wire::Role::root, 1, test::points_of(root_keys)},
                                            {wire::Role::release, 1, test::points_of(control)},
                                            {wire::Role::control, 1, test::points_of(control)}},
                                           test::all_of(root_keys))
                              .value());
    }
  }
  [[nodiscard]] Bytes upto(std::size_t count) const {
    return trust::make_root_chain({documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(count)});
  }
  std::vector<trust::SigningKey> root_keys;
  std::vector<Bytes> documents;
};

struct Store {
  explicit Store(Board& board) : settings(board.flash(), board.layout().settings), trust(board.flash(), settings) {
    mounted = settings.mount();
  }
  // As the client does it: a piece that does not fit to what lies there makes the message come again. An hour later
  // than the last one.
  int take(ByteView chain, std::uint32_t piece) {
    now_ms += 3'600'000;
    for (int round = 0; round < 3; ++round) {
      int result = ok;
      for (std::size_t at = 0; at < chain.size() && result == ok; at += piece) {
        const auto size = std::min<std::size_t>(piece, chain.size() - at);
        result = trust.take_piece(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(chain.size()),
                                  ByteView(chain.data() + at, size), now_ms);
      }
      if (result == ok) return trust.walk(work, work_size);
      if (result != err_busy) return result;
    }
    return err_busy;
  }
  [[nodiscard]] std::uint32_t version() const {
    trust::TrustRoot root;
    return trust.read(root) == ok ? root.version : 0;
  }
  RecordLog settings;
  TrustStore trust;
  std::uint64_t now_ms = 0;
  int mounted;
  alignas(8) std::uint8_t work[work_size];
};

TEST(McuTrustStore, PinsOnlyWhatIsSignedByItselfAndOnlyOnce) {
  const Chain chain(1);
  const Chain other(1);
  Board board;
  Store store(board);
  auto bad = chain.documents[0];
  bad[bad.size() - 3] ^= 1;
  trust::TrustRoot root;
  EXPECT_EQ(store.trust.read(root), err_not_found);
  EXPECT_EQ(store.trust.pin(AlignedBytes(bad).view()), err_untrusted);
  EXPECT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
  EXPECT_EQ(store.trust.pin(AlignedBytes(other.documents[0]).view()), ok);
  EXPECT_EQ(store.trust.read(root), ok);
  EXPECT_EQ(root.role(wire::Role::root).keys[0].point, chain.root_keys[0].point());
}

TEST(McuTrustStore, ChainsOfOneToTwentyDocumentsInPiecesOfAnySize) {
  const Chain chain(20);
  for (unsigned count = 1; count <= 20; count += count < 4 ? 1 : 4) {
    for (const std::uint32_t piece : {8u, 136u, 1024u, 1280u, 65536u}) {
      SCOPED_TRACE(std::to_string(count) + " documents, pieces of " + std::to_string(piece));
      Board board;
      board.nor().fill_at_random(board.layout().scratch.offset, board.layout().scratch.size, count);
      Store store(board);
      ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
      EXPECT_EQ(store.take(chain.upto(count), piece), count > 1 ? 1 : 0);
      EXPECT_EQ(store.version(), count);
      const auto erases = board.nor().erases();
      EXPECT_EQ(store.take(chain.upto(count), piece), 0);
      EXPECT_EQ(board.nor().erases(), erases) << "the same again costs nothing";
    }
  }
}

TEST(McuTrustStore, AChainThatGrowsAndOneThatIsTooLong) {
  const Chain chain(20);
  Board board;
  Store store(board);
  ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
  for (unsigned count = 2; count <= 20; count += 3) {
    ASSERT_EQ(store.take(chain.upto(count), 1024), 1);
    EXPECT_EQ(store.version(), count);
  }
  EXPECT_EQ(store.take(chain.upto(3), 1024), 0) << "an old chain changes nothing";
  EXPECT_EQ(store.version(), 20u);
  EXPECT_EQ(store.trust.take_piece(0, 40000, Bytes(1024, 1), 0), err_too_long);
}

// Nobody has signed the bytes of a chain when they are stored, so anybody who has the broker could wear the flash out.
TEST(McuTrustStore, ForeignChainsEraseTheFlashAtMostOnceAnHour) {
  constexpr std::uint64_t minute_ms = 60000;
  const Chain chain(2);
  Board board;
  Store store(board);
  ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
  const auto before = board.nor().erases();
  const auto send = [&](ByteView message, std::uint64_t now_ms) {
    const auto half = message.size() / 2 & ~std::size_t{7};
    const auto total = static_cast<std::uint32_t>(message.size());
    for (const auto at : {std::size_t{0}, half}) {
      const auto size = at == 0 ? half : message.size() - half;
      const int taken =
          store.trust.take_piece(static_cast<std::uint32_t>(at), total, {message.data() + at, size}, now_ms);
      if (taken != ok) return taken;
    }
    return store.trust.walk(store.work, work_size);
  };
  unsigned taken = 0;
  std::uint64_t now_ms = 0;
  for (; now_ms < 10 * 60 * minute_ms; now_ms += minute_ms) {
    const Bytes foreign(1024, static_cast<std::uint8_t>(now_ms / minute_ms));
    const int result = send(foreign, now_ms);
    ASSERT_TRUE(result == err_untrusted || result == err_refused) << result;
    if (result == err_untrusted) ++taken;
  }
  EXPECT_EQ(taken, 4u + 9u) << "four at once, then one an hour";
  EXPECT_EQ(board.nor().erases() - before, taken);
  // The right one is refused like any other until it is time, and taken then.
  const auto good = chain.upto(2);
  if (send(Bytes(1024, 0xfe), now_ms) == err_untrusted) now_ms += minute_ms;
  EXPECT_EQ(send(good, now_ms), err_refused);
  ASSERT_GT(store.trust.next_ms(), now_ms);
  EXPECT_EQ(send(good, store.trust.next_ms() - 1), err_refused);
  EXPECT_EQ(send(good, store.trust.next_ms()), 1);
  EXPECT_EQ(store.version(), 2u);
  EXPECT_EQ(send(good, store.trust.next_ms() + 1), 0) << "what lies there already costs nothing";
}

TEST(McuTrustStore, AGapOrAForeignDocumentEndsTheWalk) {
  const Chain chain(5);
  const Chain other(5);
  const auto walked = [&](std::initializer_list<Bytes> documents, int result, std::uint32_t version) {
    Board board;
    Store store(board);
    ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
    EXPECT_EQ(store.take(trust::make_root_chain(documents), 1024), result);
    EXPECT_EQ(store.version(), version);
  };
  const auto& d = chain.documents;
  walked({d[0], d[2]}, err_untrusted, 1);
  walked({d[0], other.documents[1]}, err_untrusted, 1);
  walked({d[0], d[1], other.documents[2], d[2]}, 1, 2);
  walked({d[1], d[2]}, 1, 3);
  walked({}, 0, 1);
}

TEST(McuTrustStore, PowerCutAtEveryFlashOperation) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const Chain chain(4);
  Board fresh;
  {
    Store store(fresh);
    ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
    ASSERT_EQ(store.take(chain.upto(2), 512), 1);
  }
  const auto message = chain.upto(4);
  const auto tears = muster::testing::size_for(3u, 60u);
  for (std::uint64_t n = 1;; ++n) {
    bool was_cut = false;
    for (unsigned tear = 0; tear < tears; ++tear) {
      SCOPED_TRACE("operation " + std::to_string(n) + ", tear " + std::to_string(tear));
      Board board;
      board.nor().copy_from(fresh.nor());
      board.nor().cut_power_at(n, seed + n * 100 + tear);
      {
        Store store(board);
        ASSERT_EQ(store.mounted, ok);
        (void)store.take(message, 512);
      }
      was_cut = !board.nor().has_power();
      board.nor().power_on();
      Store store(board);
      ASSERT_EQ(store.mounted, ok);
      const auto version = store.version();
      ASSERT_TRUE(version == 2 || version == 4);
      ASSERT_EQ(store.take(message, 512), version == 2 ? 1 : 0);
      ASSERT_EQ(store.version(), 4u);
    }
    if (!was_cut) {
      std::printf("%llu operations\n", static_cast<unsigned long long>(n - 1));
      EXPECT_GT(n, 4u);
      break;
    }
  }
}

// Whatever byte is changed: the root is the pinned one or one that was really signed, and nothing is read out of
// bounds.
TEST(McuTrustStore, EveryByteOfASmallChainFlipped) {
  const Chain chain(2);
  const auto good = chain.upto(2);
  Board fresh;
  {
    Store store(fresh);
    ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
  }
  trust::TrustRoot right;
  ASSERT_EQ(trust::pin_root(AlignedBytes(chain.documents[1]).view(), right), trust::TrustFault::none);
  const std::size_t stride = muster::testing::size_for(5u, 1u);
  unsigned moved = 0;
  Board board;
  for (std::size_t at = 0; at < good.size(); at += stride) {
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      auto bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      board.nor().copy_from(fresh.nor());
      Store store(board);
      const int result = store.take(bad, 1024);
      trust::TrustRoot root;
      ASSERT_EQ(store.trust.read(root), ok);
      ASSERT_EQ(result == 1, root.version == 2) << at;
      if (root.version != 2) continue;
      ++moved;  // padding, or a field that nobody reads
      ASSERT_EQ(root.role(wire::Role::control).keys[0].point, right.role(wire::Role::control).keys[0].point);
      ASSERT_EQ(root.expires_s, right.expires_s);
    }
  }
  EXPECT_LT(moved * stride, good.size());
}

TEST(McuTrustStore, RandomBytesAndCutOffChainsLeadNowhere) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const Chain chain(2);
  const auto good = chain.upto(2);
  std::mt19937_64 chance(seed);
  Board board;
  Store store(board);
  ASSERT_EQ(store.trust.pin(AlignedBytes(chain.documents[0]).view()), ok);
  for (std::size_t size = 1; size < good.size(); size += 1 + chance() % 60) {
    EXPECT_NE(store.take(ByteView(good.data(), size), 4096), 1);
  }
  for (unsigned i = 0; i < muster::testing::size_for(300u, 20000u); ++i) {
    auto bad = good;
    const auto count = 1 + chance() % 8;
    for (unsigned k = 0; k < count; ++k)
      bad[chance() % std::min<std::size_t>(bad.size(), 120)] = static_cast<std::uint8_t>(chance());
    (void)store.take(bad, 4096);
  }
  trust::TrustRoot root;
  ASSERT_EQ(store.trust.read(root), ok);
  EXPECT_LE(root.version, 2u);
}

}  // namespace
}  // namespace muster::mcu::testing
