package difftest

import (
	"encoding/json"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"pequod.io/fleet/engine/schema"
)

// TestJudge holds that each kind of finding is found: a definition is put beside a schema that is wrong in a known way.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name, definition, schema, value string
		issues                          []schema.Issue
		want                            findingKind // "" for none
	}{
		{
			name: "exact", definition: `{n: int & >0}`, value: `{"n":1}`,
			schema: `{"type":"object","required":["n"],"properties":{"n":{"type":"integer","minimum":1}}}`,
		},
		{
			name: "too strict", definition: `{n: int & >0}`, value: `{"n":1}`, want: unsound,
			schema: `{"type":"object","properties":{"n":{"type":"integer","minimum":2}}}`,
		},
		{
			name: "a field is lost", definition: `{n?: int}`, value: `{"n":1}`, want: unsound,
			schema: `{"type":"object"}`,
		},
		{
			name: "too wide", definition: `{n: int & >0}`, value: `{"n":0}`, want: wider,
			schema: `{"type":"object","properties":{"n":{"type":"integer"}}}`,
		},
		{
			name: "too wide, and an issue tells", definition: `{n: int & >0}`, value: `{"n":0}`,
			schema: `{"type":"object","properties":{"n":{"type":"integer"}}}`,
			issues: []schema.Issue{{Path: "n", Reason: "bound"}},
		},
		{
			name: "too wide, and an issue tells elsewhere", definition: `{n: int & >0, m?: int}`, value: `{"n":0}`, want: wider,
			schema: `{"type":"object","properties":{"n":{"type":"integer"}}}`,
			issues: []schema.Issue{{Path: "m", Reason: "bound"}},
		},
		{
			name: "a default that CUE has not", definition: `{n!: int}`, value: `{}`, want: rescued,
			schema: `{"type":"object","properties":{"n":{"type":"integer","default":1}}}`,
		},
		{
			name: "another default", definition: `{n: int | *1}`, value: `{}`, want: different,
			schema: `{"type":"object","properties":{"n":{"type":"integer","default":2}}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, err := newAPIServer([]byte(test.schema))
			if err != nil {
				t.Fatal(err)
			}
			v := cuecontext.New().CompileString("#D: " + test.definition).LookupPath(cue.ParsePath("#D"))
			target := &target{name: "#D", value: v, result: &schema.Result{Issues: test.issues}, server: server}
			var got findingKind
			if f := target.judge([]byte(test.value)).finding; f != nil {
				got = f.Kind
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		issue string
		at    []string
		want  bool
	}{
		{"", []string{"a"}, true},
		{"a", []string{"a", "b"}, true},
		{"a.b", []string{"a"}, true},
		{"a.b", []string{"a", "c"}, false},
		{"l[].x", []string{"l", "3", "x"}, true},
		{"l[2]", []string{"l", "2"}, true},
		{"l[2]", []string{"l", "3"}, false},
		{`m[*]."x-y"`, []string{"m", "any", `"x-y"`}, true},
	} {
		if got := covers(segments(test.issue), test.at); got != test.want {
			t.Errorf("covers(%q, %q) = %t", test.issue, test.at, got)
		}
	}
}

// TestRefusedCRD holds that the comparison would notice a schema that the API server does not take.
func TestRefusedCRD(t *testing.T) {
	if _, err := newAPIServer([]byte(`{"type":"object","properties":{"a":{}}}`)); err == nil {
		t.Fatal("a property without a type was accepted")
	}
}

func TestNormalised(t *testing.T) {
	for value, want := range map[string]bool{
		`{"a":1}`: false, `{"a":1.5}`: false, `{"a":1.0}`: true, `{"a":1e3}`: true, `{"a":null}`: true, `{"a":"1.0"}`: false,
	} {
		if got := normalised(json.RawMessage(value)); got != want {
			t.Errorf("normalised(%s) = %t", value, got)
		}
	}
}
