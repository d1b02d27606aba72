package difftest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"pequod.io/fleet/engine/internal/crash"
	"pequod.io/fleet/engine/schema"
)

// TestInvented tries definitions that nobody has thought of. What it finds goes into the corpus, by name. A longer run: -invented.
func TestInvented(t *testing.T) {
	for i := range *invented {
		source := invent(rand.New(rand.NewPCG(uint64(*seed), uint64(i))))
		v := cuecontext.New().CompileString(source)
		if v.Err() != nil || v.Validate() != nil {
			continue // a contradiction
		}
		d := definition{name: "#D", value: v.LookupPath(cue.ParsePath("#D")), scalars: strings.Contains(source, "if ")}
		t.Run(fmt.Sprint(i), func(t *testing.T) { try(t, d, source) })
	}
}

func try(t *testing.T, d definition, source string) {
	target, err := d.target()
	if err != nil {
		if !strings.Contains(err.Error(), "no value satisfies") {
			t.Errorf("%v\n%s", err, source)
		}
		return
	}
	defer func() { // v0.17 does, over some structs with "..." and definitions: such data is no verdict
		if cause := recover(); cause != nil {
			if !crash.InCUE() {
				panic(cause)
			}
			t.Log("CUE panics:", cause)
		}
	}()
	g, err := newGenerator(&d, target, uint64(*seed))
	if err != nil {
		t.Fatal(err)
	}
	const values = 60
	for range values {
		value, data, err := g.encoded()
		if err != nil {
			t.Fatal(err)
		}
		v := target.judge(data)
		if v.cue || v.server {
			g.keep(value)
		}
		if f := v.finding; f != nil {
			issues, _ := json.Marshal(append([]schema.Issue{}, target.result.Issues...))
			t.Fatalf("%s\n--- definition\n%s\n--- value\n%s\n--- stored\n%s\n--- CUE\n      %s\n--- API server\n      %s\n--- issues\n%s\n--- schema\n%s",
				f.Kind, source, f.Value, f.Stored, f.CUE, f.Server, issues, target.json)
		}
	}
}
