// StatsD datagrams of the workload: each line is taken or counted as malformed, and what is taken is a number, or the
// one text there is.
#include "edge-client/shell/statsd.h"

#include <cmath>

#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(statsd) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto datagram = copy.view().text();
  std::size_t taken = 0;
  const auto malformed = edge::parse_statsd(datagram, [&](const edge::Stat& stat) {
    ++taken;
    FUZZ_REQUIRE(is_id(stat.name), "a metric without a valid name");
    FUZZ_REQUIRE(std::isfinite(stat.value), "a value that is no number");
    FUZZ_REQUIRE((stat.kind == edge::StatKind::text) == (stat.name == edge::delegate_name), "a text for a number");
    FUZZ_REQUIRE(is_text(stat.text) && stat.text.size() <= limits::attribute_len_max, "a text that no summary takes");
    FUZZ_REQUIRE(
        stat.name.data() >= datagram.data() && stat.name.data() + stat.name.size() <= datagram.data() + datagram.size(),
        "a name from elsewhere");
  });
  std::size_t lines = 0;
  for (std::size_t start = 0; start < datagram.size();) {
    const auto end = std::min(datagram.find('\n', start), datagram.size());
    const auto line = datagram.substr(start, end - start);
    if (!line.empty() && line != "\r") ++lines;
    start = end + 1;
  }
  FUZZ_REQUIRE(taken + malformed == lines, "a line is neither taken nor counted");
}
