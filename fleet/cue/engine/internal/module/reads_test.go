package module_test

import (
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/module"
)

func TestWhatAModuleReadsOfObserved(t *testing.T) {
	const frame = `
#Input: size: int
#Render: {
	input: {metadata: {name: string, ...}, spec: #Input, observed?: [id=string]: {...}}
	output: nodes: []
	status: {%}
}
`
	declared := func(observed string) string {
		return strings.Replace(strings.Replace(frame, "observed?: [id=string]: {...}", observed, 1), "%", "", 1)
	}
	read := func(status string) string { return strings.Replace(frame, "%", status, 1) }
	cases := map[string]struct{ source, want string }{
		"nothing":              {read(``), `{}`},
		"a field":              {read(`x: input.observed.db.status.host`), `{"db":{"status":{"host":true}}}`},
		"two fields":           {read(`x: input.observed.db.status.host, y: input.observed.db.status.port`), `{"db":{"status":{"host":true,"port":true}}}`},
		"quoted names":         {read(`x: input.observed["my-db"]."status".host`), `{"my-db":{"status":{"host":true}}}`},
		"part of a field":      {read(`x: input.observed.db.status.host, y: input.observed.db.status`), `{"db":{"status":true}}`},
		"an element":           {read(`x: input.observed.db.status.conditions[0].type`), `{"db":{"status":{"conditions":true}}}`},
		"a computed name":      {read(`x: input.observed[input.metadata.name].status`), `true`},
		"a name that is bound": {read(`for k, _ in input.spec {(k): input.observed[k]}`), `true`},
		"in a text":            {read(`x: "http://\(input.observed.db.status.host)"`), `{"db":{"status":{"host":true}}}`},
		"in a call":            {read(`x: len(input.observed.db.spec.ports)`), `{"db":{"spec":{"ports":true}}}`},
		"in a loop":            {read(`for each in input.observed.db.spec.ports {"\(each)": 1}`), `{"db":{"spec":{"ports":true}}}`},
		"being there":          {read(`if input.observed.db != _|_ {x: 1}`), `{"db":{"":true}}`},
		"being there, and a field": {
			read(`if input.observed.db != _|_ {x: input.observed.db.status.host}`), `{"db":{"":true,"status":{"host":true}}}`,
		},
		"not being there": {read(`if input.observed.db.status.host == _|_ {x: 1}`), `{"db":{"status":{"host":{"":true}}}}`},
		"compared":        {read(`x: input.observed.db.spec == input.spec`), `{"db":{"spec":true}}`},
		"by a let":        {read(`let db = input.observed.db, x: db.status.host`), `{"db":true}`},
		"all by a let":    {read(`let o = input.observed, x: o.db.status.host`), `true`},
		"the whole input": {read(`let i = input, x: i.metadata.name`), `true`},
		"input in a list": {read(`x: [for i in [input] {i.metadata.name}]`), `true`},
		"all of it":       {read(`x: [for id, _ in input.observed {id}]`), `true`},
		"an alias of input": {
			strings.Replace(read(`x: [for k, _ in I {k}]`), "input:", "I=input:", 1), `true`,
		},
		"an alias of #Render": {strings.Replace(read(`x: R.input.metadata.name`), "#Render: {", "#Render: R={", 1), `true`},
		"handed to a definition": {
			read(`#App & {#seen: input.observed.db}`) + `#App: {#seen: {...}, x: #seen.status.host}`, `{"db":true}`,
		},
		"after an expression": {
			read(`x: (input.observed.db).status`), `{"db":true}`,
		},
		"open declarations": {declared(`observed?: {...}`), `{}`},
		"anything":          {declared(`observed?: _`), `{}`},
		"a declared object": {declared(`observed?: {db?: {...}, ...}`), `{"db":{"":true}}`},
		"a demand": {
			declared(`observed?: {db?: {status?: {port?: *1 | int, ...}, ...}, ...}`), `{"db":{"":true,"status":{"":true,"port":true}}}`,
		},
		"a demand of every object":    {declared(`observed?: [string]: {kind: string, ...}`), `true`},
		"a demand that refers to one": {declared(`observed?: {db: {a: int, b: a, ...}, ...}`), `true`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, problems := module.Load(map[string]string{"m.cue": c.source})
			if problems != nil {
				t.Fatalf("%+v", problems)
			}
			if string(m.Reads) != c.want {
				t.Errorf("reads %s, want %s", m.Reads, c.want)
			}
		})
	}
}

func TestWhatAPackageReadsThatIsImported(t *testing.T) {
	m, problems := module.Load(map[string]string{
		"m.cue": "package web\nimport \"module.local/lib\"\n#Input: size: int\n#Render: lib.#Frame & {input: spec: #Input, output: nodes: []}\n",
		"lib/frame.cue": "package lib\n#Frame: {input: {metadata: {...}, spec: {...}, observed?: {...}}, output: nodes: [...], " +
			"status: host: input.observed.db.status.host}\n",
	})
	if problems != nil {
		t.Fatalf("%+v", problems)
	}
	if want := `{"db":{"status":{"host":true}}}`; string(m.Reads) != want {
		t.Errorf("reads %s, want %s", m.Reads, want)
	}
}
