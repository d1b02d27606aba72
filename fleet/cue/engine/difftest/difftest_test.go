package difftest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A longer run: go test . -args -n 20000 -seed 7 (or DIFFTEST_N and DIFFTEST_SEED).
var (
	cases    = flag.Int("n", intEnv("DIFFTEST_N", 300), "generated values per definition")
	seed     = flag.Int("seed", intEnv("DIFFTEST_SEED", 1), "seed of the generator")
	invented = flag.Int("invented", intEnv("DIFFTEST_INVENTED", 100), "definitions made up at random")
	only     = flag.String("only", "", "names of definitions, separated by commas")
)

func intEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// shards is how many definitions are tested at a time. Each shard has a CUE context of its own.
const shards = 2

func TestCorpus(t *testing.T) {
	for shard := range shards {
		t.Run(fmt.Sprint("shard", shard), func(t *testing.T) {
			t.Parallel()
			all, err := loadCorpus("corpus")
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range all {
				if i%shards == shard && wanted(d.name) {
					t.Run(strings.TrimPrefix(d.name, "#"), func(t *testing.T) { check(t, d) })
				}
			}
		})
	}
}

func wanted(name string) bool {
	return *only == "" || slices.Contains(strings.Split(*only, ","), strings.TrimPrefix(name, "#"))
}

// check extracts the schema of a definition, compares its issues with those announced, and compares both sides over generated values.
func check(t *testing.T, d definition) {
	target, err := d.target()
	switch {
	case d.refused != "" && err != nil && strings.Contains(err.Error(), d.refused):
		return
	case d.refused != "":
		t.Fatalf("expected no schema, because %q; got error %v", d.refused, err)
	case err != nil:
		t.Fatal(err)
	}
	surprising, missing := d.unexpected(target.result.Issues)
	for _, i := range surprising {
		t.Errorf("wider than announced: @wider(%q, %q)", i.Path, i.Reason)
	}
	for _, i := range missing {
		t.Errorf("announced, but not reported: @wider(%q, %q)", i.Path, i.Reason)
	}
	compare(t, d, target)
}

func compare(t *testing.T, d definition, target *target) {
	g, err := newGenerator(&d, target, uint64(*seed))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	found := map[findingKind]bool{}
	for range *cases {
		value, data, err := g.encoded()
		if err != nil {
			t.Fatal(err)
		}
		v := target.judge(data)
		if v.cue || v.server {
			g.keep(value)
		}
		counts[fmt.Sprintf("cue=%t server=%t", v.cue, v.server)]++
		if f := v.finding; f != nil && !found[f.Kind] {
			found[f.Kind] = true
			report(t, d, target, f)
		}
	}
	if counts["cue=true server=true"] == 0 && *cases >= 100 {
		t.Errorf("no generated value was accepted: the comparison says nothing (%v)", counts)
	}
	if testing.Verbose() {
		t.Logf("%v, %d issues", counts, len(target.result.Issues))
	}
}

// report writes a finding so that it can be pasted into the corpus and into a bug report.
func report(t *testing.T, d definition, target *target, f *finding) {
	t.Helper()
	source := "(no source)"
	if b, err := formatSource(d.value); err == nil {
		source = b
	}
	t.Errorf("%s\n--- definition\n%s\n--- value\n%s\n--- stored\n%s\n--- CUE\n      %s\n--- API server\n      %s\n--- schema\n%s",
		f.Kind, source, f.Value, f.Stored, f.CUE, f.Server, target.json)
}
