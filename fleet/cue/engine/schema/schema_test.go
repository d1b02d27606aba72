package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func mustExtract(t *testing.T, source string) *Result {
	t.Helper()
	r, err := Extract(compile(source))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExtractFails(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"missing", `#Other: {}`, "definition not found"},
		{"contradictory", `#D: {a: string & int}`, "contradict"},
		{"bytes", `#D: {a: {b: bytes}}`, "a.b: JSON has no bytes"},
		{"bytes in every alternative", `#D: {a: bytes} | {b: bytes}`, "JSON has no bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Extract(compile(test.source))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v; want an error with %q", r, err, test.want)
			}
		})
	}
}

func TestExtractIsDeterministic(t *testing.T) {
	source := `#D: {
		m: [string]: int
		u: {k!: "a", x: int} | {k!: "b", y: string} | {k!: "c"}
		t: [int, string]
		mode: "a" | "b" | *"c"
		if mode == "a" {p: int}
		if mode == "b" {q: string, r: [...int]}
	}`
	first := mustExtract(t, source)
	for range 5 {
		if again := mustExtract(t, source); !reflect.DeepEqual(encode(t, first), encode(t, again)) {
			t.Fatalf("two schemas of one definition:\n%s\n%s", encode(t, first), encode(t, again))
		}
	}
}

func encode(t *testing.T, r *Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNoIssuesIsAnEmptyList holds the wire format: clients range over issues.
func TestNoIssuesIsAnEmptyList(t *testing.T) {
	if got := encode(t, mustExtract(t, `#D: {}`)); !strings.Contains(got, `"issues":[]`) {
		t.Error(got)
	}
}

func TestIssuesAreReportedOnce(t *testing.T) {
	r := mustExtract(t, `#D: {a: [...#T], b: {c: #T}}, #T: {min: int, max: int & >min}`)
	seen := map[Issue]bool{}
	for _, i := range r.Issues {
		if seen[i] {
			t.Error("twice:", i)
		}
		seen[i] = true
	}
	if len(r.Issues) != 2 {
		t.Errorf("%d issues: %v", len(r.Issues), r.Issues)
	}
}

func TestDepthIsLimited(t *testing.T) {
	depth := maxDepth + 10
	source := "#D: " + strings.Repeat("{a: ", depth) + "int" + strings.Repeat("}", depth)
	r := mustExtract(t, source)
	if len(r.Issues) != 1 || !strings.Contains(r.Issues[0].Reason, "too deep") {
		t.Errorf("issues: %v", r.Issues)
	}
}

// TestSizeIsLimited reads a definition that doubles with each line.
func TestSizeIsLimited(t *testing.T) {
	var b strings.Builder
	levels := 0
	for ; 1<<levels <= maxNodes; levels++ {
		fmt.Fprintf(&b, "#L%d: {a: #L%d, b: #L%d}\n", levels+1, levels, levels)
	}
	r := mustExtract(t, fmt.Sprintf("#D: #L%d\n#L0: int\n%s", levels, &b))
	if len(r.Issues) != 1 || r.Issues[0].Path != "" || !strings.Contains(r.Issues[0].Reason, "too large") {
		t.Errorf("issues: %v", r.Issues)
	}
}

// TestSharedDefinitionsStayApart holds that reading one definition leaves nothing behind for the next.
func TestSharedDefinitionsStayApart(t *testing.T) {
	source := `#D: {a: #T, b: #T & {n: <5}}, #T: {n: int | *1}`
	properties := mustExtract(t, source).Schema["properties"].(map[string]any)
	a := properties["a"].(map[string]any)["properties"].(map[string]any)["n"].(map[string]any)
	if _, limited := a["maximum"]; limited {
		t.Errorf("a.n has the limit of b.n: %v", a)
	}
}

// panics is a definition over which CUE (v0.17) panics when it is read case by case.
const panics = `#D: {a?: {#A, ...}, on: bool | *true, if on {#B}}, #A: {x!: int}, #B: {y: int, ...}`

func TestPanicsOfCUE(t *testing.T) {
	v := compile(panics)
	if _, err := newWalker(v).root(v); err == nil || !strings.Contains(err.Error(), "CUE itself fails") {
		t.Errorf("read by cases: %v", err)
	}
	if r := mustExtract(t, panics); len(r.Issues) == 0 {
		t.Error("read without cases, and nothing reported")
	}
}

// TestPanicsOfOurOwn holds that a mistake of this package is not taken for one of the definition.
func TestPanicsOfOurOwn(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	broken := &walker{} // it has no place for issues
	n, err := broken.root(compile(`#D: {a: float}`))
	t.Error(n, err)
}

// BenchmarkExtract reads a definition of the size of an ordinary module.
func BenchmarkExtract(b *testing.B) {
	v := compile(`#D: {
		image!:   =~"^[^:]+:[^:]+$"
		port:     #Port | *8080
		replicas: int & >=1 & <=50 | *2
		size:     "small" | *"medium" | "large"
		env: [string]: string
		probes: {liveness: #Probe, readiness?: #Probe}
		ingress: {
			enabled: bool | *false
			if enabled {host!: =~"\\.", tls: bool | *true}
		}
		volumes: [...{kind!: "empty"} | {kind!: "claim", size: string}]
	}
	#Port: int & >=1 & <=65535
	#Probe: {path: string | *"/healthz", port?: #Port, every: int & >=1 | *10}`)
	for b.Loop() {
		if _, err := Extract(v); err != nil {
			b.Fatal(err)
		}
	}
}
