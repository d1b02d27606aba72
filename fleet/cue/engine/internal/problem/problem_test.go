package problem_test

import (
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"pequod.io/fleet/engine/internal/problem"
)

func problemsOf(t *testing.T, source string) []problem.Problem {
	t.Helper()
	err := cuecontext.New().CompileString(source, cue.Filename("m.cue")).Validate(cue.Concrete(true))
	if err == nil {
		t.Fatal("nothing is wrong with it")
	}
	return problem.From(err)
}

func TestExpectedAndFound(t *testing.T) {
	cases := map[string]struct{ source, path, expected, found, message string }{
		"a bound":            {"a: <5 & 7", "a", "<5", "7", "out of bound"},
		"a pattern":          {`a: =~"^x" & "yz"`, "a", `=~"^x"`, `"yz"`, "out of bound"},
		"a type":             {`a: int & "x"`, "a", "int", `"x"`, "conflicting values"},
		"a type, turned":     {`a: "x" & int`, "a", "int", `"x"`, "conflicting values"},
		"an enumeration":     {`a: ("x" | "y") & "z"`, "a", `"x" | "y"`, `"z"`, `must be "x" or "y", found "z"`},
		"a validator":        {"import \"strings\"\na: strings.MinRunes(3) & \"x\"", "a", "strings.MinRunes(3)", `"x"`, "does not satisfy"},
		"something missing":  {"a: int", "a", "int", "", "incomplete value int"},
		"something required": {"a!: int", "a", "", "", "field is required but not present"},
		"in a list":          {"a: b: [{c: 1}, {c: 1 & 2}]", "a.b[1].c", "", "", "conflicting values"},
		"a quoted name":      {`"a-b": 1 & 2`, `"a-b"`, "", "", "conflicting values"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problems := problemsOf(t, c.source)
			if len(problems) != 1 {
				t.Fatalf("got %+v", problems)
			}
			p := problems[0]
			if p.Path != c.path || p.Expected != c.expected || p.Found != c.found || !strings.Contains(p.Message, c.message) {
				t.Fatalf("got %+v", p)
			}
			if p.File != "m.cue" || p.Line == 0 {
				t.Fatalf("got position %+v", p)
			}
		})
	}
}

func TestALongValueIsClipped(t *testing.T) {
	p := problemsOf(t, `a: int & "`+strings.Repeat("é", 10_000)+`"`)[0]

	if len(p.Message) > 500 || len(p.Found) > 500 || !strings.HasSuffix(p.Found, "…") {
		t.Fatalf("got %d bytes of message and %d of found", len(p.Message), len(p.Found))
	}
}
