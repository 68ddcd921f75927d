# The schemas that musterctl prints, in the hands of a validator that is not ours: what is shipped is valid, and what a
# schema can find, it finds. rule_files_test.cpp runs it, and has the readers of the files look at the same cases.
#
#   schema_check.py MUSTERCTL SEED      in the root of the tree
#
# Prints {"complaints": [...], "slips": [{"name", "text"}], "mutants": [{"name", "text", "taken"}], "seen": "..."}: rules that
# the schema refuses, and rules with what the schema made of them.

import json
import pathlib
import random
import re
import subprocess
import sys

import jsonschema
import yaml

MUSTERCTL, SEED = sys.argv[1], int(sys.argv[2])
MUTANTS = 400
complaints = []


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it; PyYAML's own is that of YAML 1.1, with days and numbers of base 60."""


def add_type(tag, pattern, first, construct):
    CoreLoader.add_implicit_resolver(tag, re.compile(pattern), first)
    CoreLoader.add_constructor(tag, lambda loader, node: construct(loader.construct_scalar(node)))


CoreLoader.yaml_implicit_resolvers = {}
add_type("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""], lambda text: None)
add_type("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF"),
         lambda text: text.lower() == "true")
add_type("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", list("-+0123456789"), int)
add_type("tag:yaml.org,2002:float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
         list("-+.0123456789"), float)


def tree_of(text):
    return yaml.load(text, CoreLoader)


def validator(*options):
    schema = json.loads(subprocess.run([MUSTERCTL, "rollout", "schema", *options], check=True, capture_output=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def faults(schema, tree):
    return ["/".join(map(str, fault.path)) + ": " + fault.message for fault in schema.iter_errors(tree)]


def expect(good, schema, tree, name):
    found = faults(schema, tree)
    if good and found:
        complaints.append(f"{name}: the schema refuses it: {found}")
    if not good and not found:
        complaints.append(f"{name}: the schema takes it")


PAGES = ["README.md"] + sorted(str(path) for folder in ("docs", "docker", "examples") for path in pathlib.Path(folder).rglob("*.md"))


def shown(info, first_key):
    """The pages' blocks of this kind, and the files of such a kind that their shell lines write, by where they stand."""
    found = {}
    for page in PAGES:
        text = pathlib.Path(page).read_text()
        for block in re.finditer(r"^```" + info + r"\n(.*?)^```$|^cat >\S+ <<'?END'?\n(" + first_key + r":.*?)^END$", text, re.S | re.M):
            found[f"{page}, line {text.count(chr(10), 0, block.start()) + 1}"] = block.group(1) or block.group(2)
    return found


RULE, RELEASE = validator(), validator("--release")

# --- what is shipped is valid ---
def files(*patterns):
    return {str(path): path.read_text() for pattern in patterns for path in sorted(pathlib.Path(".").glob(pattern))}


rules = files("rules/examples/*.yaml", "examples/demo/rollouts/*.yaml", "docker/rules/*.yaml", "tests/scenarios/rules/*.yaml")
del rules["docker/rules/fleet.yaml"]  # what there is, and no rule
rules.update(shown("yaml rule", "rollout"))
releases = files("rules/examples/releases/*.yaml", "rules/examples/policies/example/*.yaml", "examples/demo/releases/*.yaml",
                 "docker/*.release.yaml")
releases.update(shown("yaml release", "release"))
for page, kind in (("README.md", rules), ("docs/rules.md", rules), ("docs/rules.md", releases), ("docs/install.md", rules),
                   ("docs/install.md", releases)):
    if not any(name.startswith(page + ",") for name in kind):
        complaints.append(f"{page} shows none of what is looked for there")
for name, text in rules.items():
    expect(True, RULE, tree_of(text), name)
for name, text in releases.items():
    expect(True, RELEASE, tree_of(text), name)

# --- what readers refuse, the schema refuses, unless it takes more than a look at one value ---
BEYOND = {
    "anchors.yaml": "how YAML is written", "tag.yaml": "how YAML is written", "two_documents.yaml": "how YAML is written",
    "not_yaml.yaml": "how YAML is written", "duplicates.yaml": "how YAML is written",
    "flow_condition.yaml": "how YAML is written", "conditions.yaml": "what a condition says",
    "order.yaml": "what other keys say", "unreachable_waves.yaml": "what other waves say",
    "baseline_window.yaml": "what guardrails say", "guardrail_summary_keys.yaml": "what a name means", "strategy_of_one_wave.yaml": "what the strategy makes",
    "shadow.yaml": "what the waves and other keys say", "rehearse_covers.yaml": "what the rehearsal makes", "rehearse_taken.yaml": "what the rehearsal makes",
}
OTHER_KINDS = ["fleet", "policy", "confirmations", "faults"]  # files that have no schema
bad = 0
for path in sorted(pathlib.Path("tests/unit/rule_config/bad").glob("*.yaml")):
    if path.name in BEYOND or path.name.split("_")[0] in OTHER_KINDS:
        continue
    schema = RELEASE if path.name.startswith("release_") else RULE
    expect(False, schema, tree_of(path.read_text()), str(path))
    bad += 1

# --- one slip in a sound rule ---
SOUND = {"rollout": "r", "targets": "true", "versions": "{ model: m@1 }",
         "waves": "[{ name: canary, percent: 10 }, { name: all, percent: 100 }]"}
GUARDRAIL = "guardrails: [{ name: g, %s }]"
SLIPS = [
    "rollout: a b", "rollout: [a]", "targets: [true]", "targets: 5", "versions: { model: m }", "versions: { modell: m@1 }",
    "versions: m@1", "order: [model, model]", "order: model", "order: []", "waves: []", "waves: [{ name: a }]",
    "waves: [{ percent: 10 }]", "waves: [{ name: a, percent: 10, ring: 'true' }]", "waves: [{ name: a, percent: 0 }]",
    "waves: [{ name: a, percent: 101 }]", "waves: [{ name: a, percent: 10% }]", "waves: [{ name: a, percent: '10' }]",
    "waves: [{ name: a, percent: 10, gate: manuel }]", "waves: [{ name: a, percent: 10, soak: 24 }]",
    "waves: [{ name: a, percent: 10, soak: 1.5h }]", "waves: [{ name: a, percent: 10, soaks: 1h }]",
    "strategy: regional", "strategy: canary", "risk: huge", "regions: [eu]", "percentages: [10]", "soak: 1h", "gate: auto",
    "halt: 1", "halt: {}", "halt: { failed_devices: 0 }", "halt: { failed_percent: 5 }", "pace: {}", "pace: 600",
    "retry: {}", "retry: 3", "retry: { attempts: 1 }", "retry: { attempts: 3, wait: 10 }", "retry: { attempts: 3, on: [timeout] }",
    "retry: { attempts: 3, on: disk_full }", "windows: []", "windows: { from: '02:00', to: '05:00' }",
    "windows: [{ from: '2:00', to: '05:00' }]", "windows: [{ from: '02:00' }]", "windows: [{ from: '02:00', to: '05:60' }]",
    "windows: [{ days: [monday], from: '02:00', to: '05:00' }]", "windows: [{ days: [], from: '02:00', to: '05:00' }]",
    "windows: [{ from: '02:00', to: '24:30' }]", "utc_offset: CET", "utc_offset: '+01:10'", "utc_offset: 60",
    "waves: [{ name: a, percent: 10, devices: 2 }]", "waves: [{ name: a, devices: 0 }]",
    "waves: [{ name: a, devices: 2, ring: 'true' }]", "waves: [{ name: a, devices: 2, rehearse: 1 }]",
    "waves: [{ name: a, percent: 10, hold: before_swop }]", "waves: [{ name: a, percent: 10, hold: true }]",
    "priority: 101", "priority: -1", "priority: high", "shadow: yes", "shadow: 1",
    "rehearse: 2", "rehearse: {}", "rehearse: { devices: 0 }", "rehearse: { devices: 2, gate: auto }", "rehearse: { soak: 1h }",
    "pace: { per_minute: 0 }", "pace: { jitter: 5 }", "pace: { per_hour: 6 }", "unreachable_after: 0s", "attempt_timeout: 1w", "seed: -1",
    "seed: '7'", "rollback: { on_abort: undo }", "rollback: { first: modell }",
    "rollback: { keep_previous_for: soon }", "guardrails: []", GUARDRAIL % "max: 1", GUARDRAIL % "metric: a b, max: 1",
    GUARDRAIL % "metric: p95_ms, when: p95_ms > 1", GUARDRAIL % "metric: p95_ms, max: 180ms",
    GUARDRAIL % "metric: p95_ms, max: '180'", GUARDRAIL % "metric: p95_ms, max: 1, tolerate: 5",
    GUARDRAIL % "metric: p95_ms, max: 1, confidence: 0.99", GUARDRAIL % "metric: p95_ms, max: 1, by: region",
    GUARDRAIL % "metric: p95_ms, max: 1, by: [zone]", GUARDRAIL % "metric: p95_ms, max: 1, by: [region, region]",
    GUARDRAIL % "metric: p95_ms, max: 1, on_fail: undo", GUARDRAIL % "metric: p95_ms, max: 1, observe: 0s",
    GUARDRAIL % "metric: p95_ms, max: 1, on_inconclusive: advance",
    GUARDRAIL % "metric: p95_ms, max: 1, on_inconclusive: { after: 1h }",
    GUARDRAIL % "metric: p95_ms, against: before, max_increase: 1%",
    GUARDRAIL % "metric: p95_ms, against: baseline, max_increase: 10",
    GUARDRAIL % "metric: p95_ms, against: baseline, max_increase: 0.00001%",
]
STRATEGIES = ["strategy: regional", "strategy: device_class", "regions: [eu]", "percentages: [10]", "risk: none",
              "strategy: big_bang\nregions: [eu]", "strategy: regional\nregions: [eu]\npercentages: [10]",
              "strategy: regional\nregions: [eu, eu]", "risk: low\nregions: [eu]", "strategy: percentage\npercentages: [0]",
              "strategy: big_bang\nsoak: 60", "soak: 1h"]


def with_line(line, without=()):
    key = line.split(":")[0]
    fields = {name: f"{name}: {value}" for name, value in SOUND.items() if name not in without}
    fields[key] = line
    return "\n".join(fields.values()) + "\n"


slips = [(line, with_line(line)) for line in SLIPS]
slips += [(line + " without waves", with_line(line, ["waves"])) for line in STRATEGIES]
slips += [(f"no {key}", "\n".join(f"{k}: {v}" for k, v in SOUND.items() if k != key) + "\n") for key in SOUND]
for name, text in slips:
    expect(False, RULE, tree_of(text), name)

# --- examples with things moved, lost and put in ---
chance = random.Random(SEED)
POOL = [0, 1, 7, 50, 100, 101, -1, 0.5, 1e6, "5%", "0.25%", "10m", "0s", "24h", "1000ms", "auto", "manual", "true", "m@1",
        "eu", "a b", "", None, [], {}, ["eu"], ["model"], {"model": "m@1"}, "hold", {"advance_after": "90d"}, "nominal",
        "low", "high", "percentage", "regional", "device.region == \"eu\"", "p95_ms > 1", "delegate_active", 2024, "-", 12.0]
VALUES = {"risk": ["low", "medium", "high"], "strategy": ["big_bang", "percentage"], "soak": ["1h"], "gate": ["manual"],
          "seed": [0, 2**64 - 1], "unreachable_after": ["1s", "30d"], "attempt_timeout": ["2000ms"], "percentages": [[1, 2]],
          "halt": [{"failed_devices": 1000000}, {"failed_percent": "5%"}, {"failed_in_a_row": 3}],
          "pace": [{"per_minute": 600, "per_site": 2}, {"at_once": 1, "jitter": "1s"}], "rollback": [{"first": "model"}, {"on_abort": "keep"}, {"keep_previous_for": "14d"}],
          "retry": [{"attempts": 3}, {"attempts": 2, "wait": "1s", "on": ["disk_full", "probe_failed"]}],
          "windows": [[{"from": "02:00", "to": "05:00"}], [{"days": ["sat", "sun"], "from": "22:00", "to": "01:00"}]],
          "utc_offset": ["+01:00", "-03:30"], "targets": [True, False], "rollout": [2024, 1.5, "-"], "order": [["model"]]}


def containers(tree):
    found = []
    if isinstance(tree, (dict, list)) and len(tree) != 0:
        found.append(tree)
        for child in tree.values() if isinstance(tree, dict) else tree:
            found += containers(child)
    return found


def mutate(tree):
    place = chance.choice(containers(tree))
    key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
    what = chance.randrange(4)
    if what == 0:
        del place[key]
    elif what == 1:
        place[key] = chance.choice(POOL)
    else:
        name = chance.choice(list(VALUES))
        tree[name] = chance.choice(VALUES[name])
        if name in ("risk", "strategy", "percentages", "soak", "gate") and chance.randrange(3) != 0:
            tree.pop("waves", None)


mutants = []
for i in range(MUTANTS):
    tree = tree_of(chance.choice(list(rules.values())))
    for _ in range(chance.randint(1, 3)):
        if tree:
            mutate(tree)
    text = yaml.safe_dump(tree, sort_keys=False)
    mutants.append({"name": f"mutant {i} of seed {SEED}", "text": text, "taken": not faults(RULE, tree_of(text))})

seen = f"{len(rules)} rules and {len(releases)} releases are valid, {bad} files and {len(slips)} slips are not"
print(json.dumps({"complaints": complaints, "slips": [{"name": name, "text": text} for name, text in slips],
                  "mutants": mutants, "seen": seen}))
