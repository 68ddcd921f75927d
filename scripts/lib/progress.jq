# One status object of a rollout as a line: "canary   10 %   1 of 1 devices done   awaiting approval".
. as $r | .waves[.wave] | ($r.state | gsub("_"; " ")) as $state |
if $r.state == "reverting" or ($r.state == "aborted" and $r.reverted > 1)
then "         \($r.reverted) of \($r.reached) devices taken back   \($state)"
elif .state == "pending" then "\($r.targets) devices are measured as they are before wave \(.name) opens"
else [(.name + "        ")[:8], ("  \(.percent)")[-3:], " %   \(.done) of \(.devices) devices done",
  (if .failed > 0 then ", \(.failed) failed" else "" end), "   ", $state] | add end
