package difftest

import (
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// TestTamed holds that scalars are changed where CUE takes them for a struct, and nowhere else.
func TestTamed(t *testing.T) {
	const definition = `{
		on: bool | *false
		s?: {a?: int, if on {b?: int}}
		l?: [...{if on {c?: int}}]
		n?: int | null
		o?: {a?: int}
	}`
	for _, test := range []struct{ value, want string }{ // "" for unchanged
		{`{"s":5}`, `{"s":{}}`},
		{`{"s":null,"on":false}`, `{"on":false}`},
		{`{"s":[]}`, `{"s":{}}`},
		{`{"l":[1,{},null]}`, `{"l":[{},{},{}]}`},
		{`{"s":5,"on":true}`, ""},
		{`{"n":null,"o":5}`, ""},
		{`{"n":1,"o":{"a":1}}`, ""},
	} {
		v := cuecontext.New().CompileString("#D: " + definition).LookupPath(cue.ParsePath("#D"))
		got, changed := (&target{value: v}).tamed([]byte(test.value))
		if changed != (test.want != "") || changed && string(got) != test.want {
			t.Errorf("%s became %s", test.value, got)
		}
	}
}
