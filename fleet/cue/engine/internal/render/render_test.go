package render_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/render"
	"pequod.io/fleet/engine/internal/wire"
)

const head = `
import "strconv"

_used: strconv.Atoi("1")
#App: {
	#seen: {...}
	id: "app"
	object: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "x", data: host: #seen.db.status.host}
}
#Input: {
	size: int
}
#Render: input: {
	metadata: {name: string, namespace: string, labels?: {...}}
	spec:      #Input
	cluster?:  {name: string, labels: {[string]: string}}
	observed?: [string]: {...}
}
#Render: {
	input: _
`

const input = `{"metadata": {"name": "a", "namespace": "b", "labels": {}}, "spec": {"size": 3}, "observed": {}}`

func load(t *testing.T, source string) *module.Module {
	t.Helper()
	m, problems := module.Load(map[string]string{"m.cue": source})
	if problems != nil {
		t.Fatalf("load: %+v", problems)
	}
	return m
}

func node(id, spec string) string {
	return `{id: "` + id + `", object: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "x", data: ` + spec + `}}`
}

func TestWebserviceRendersDeploymentThenService(t *testing.T) {
	source, err := os.ReadFile("../../../modules/webservice/webservice.cue")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := render.Render(load(t, string(source)), []byte(
		`{"metadata": {"name": "shop", "namespace": "prod", "labels": {}, "annotations": {}}, "spec": {"image": "nginx", "port": 80}, "observed": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(rendered.Nodes) != 2 || len(rendered.Waiting) != 0 {
		t.Fatalf("nodes %s, waiting %v", rendered.Nodes, rendered.Waiting)
	}
	var service struct {
		ID        string
		DependsOn []string
	}
	if err := json.Unmarshal(rendered.Nodes[1], &service); err != nil {
		t.Fatal(err)
	}
	if service.ID != "service" || len(service.DependsOn) != 1 || service.DependsOn[0] != "deployment" {
		t.Fatalf("got %+v", service)
	}
}

func TestWaitingNodes(t *testing.T) {
	const db = `{id: "db", object: {apiVersion: "v1", kind: "Service", metadata: name: "db"}}`
	cases := map[string]struct {
		node     string
		observed string
		want     []string // the awaited paths, nil where the node is concrete
	}{
		"a reference": {
			node("app", `host: input.observed.db.spec.clusterIP`), `{}`,
			[]string{"observed.db.spec.clusterIP"},
		},
		"a reference whose object is there and whose field is not": {
			node("app", `host: input.observed.db.spec.clusterIP`), `{"db": {"spec": {}}}`,
			[]string{"observed.db.spec.clusterIP"},
		},
		"two references in an interpolation": {
			node("app", `{url: "http://\(input.observed.db.spec.clusterIP):\(input.observed.db.spec.port)"}`), `{"db": {"spec": {"port": 1}}}`,
			[]string{"observed.db.spec.clusterIP"},
		},
		"a let": {
			node("app", `{let d = input.observed.db, host: d.status.host}`), `{}`,
			[]string{"observed.db.status.host"},
		},
		"a condition": {
			node("app", `{if input.observed.db.status.ready {x: "1"}}`), `{"db": {}}`,
			[]string{"observed.db.status.ready"},
		},
		"a quoted id": {
			node("app", `host: input.observed["my-db"].status.host`), `{}`,
			[]string{`observed."my-db".status.host`},
		},
		"a parameter of a definition": {
			`#App & {#seen: input.observed}`, `{}`,
			[]string{"observed.db.status.host"},
		},
		"a function of a value": {
			node("app", `{size: strconv.Atoi(input.observed.db.status.size)}`), `{"db": {}}`,
			[]string{"observed.db.status.size"},
		},
		"a loop over a value": {
			node("app", `{for each in input.observed.db.status.hosts {"\(each)": "x"}}`), `{"db": {}}`,
			[]string{"observed.db.status.hosts"},
		},
		"a list of values": {
			node("app", `hosts: [input.observed.db.status.host, input.observed.db.status.other]`), `{"db": {"status": {"host": "a"}}}`,
			[]string{"observed.db.status.other"},
		},
		"a default until it is seen": {
			node("app", `{host: *input.observed.db.status.host | "none"}`), `{}`,
			nil,
		},
		"all seen": {
			node("app", `host: input.observed.db.spec.clusterIP`), `{"db": {"spec": {"clusterIP": "10.0.0.1"}}}`,
			nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := load(t, head+"output: nodes: ["+db+", "+c.node+"]}")
			rendered, err := render.Render(m, []byte(strings.Replace(input, `"observed": {}`, `"observed": `+c.observed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				if len(rendered.Waiting) != 0 || len(rendered.Nodes) != 2 {
					t.Fatalf("waiting %v", rendered.Waiting)
				}
				return
			}
			if len(rendered.Nodes) != 1 || len(rendered.Waiting) != 1 {
				t.Fatalf("nodes %s, waiting %v", rendered.Nodes, rendered.Waiting)
			}
			got := rendered.Waiting[0]
			if got.Node != "app" || strings.Join(got.Paths, " ") != strings.Join(c.want, " ") {
				t.Fatalf("got %+v, want %v", got, c.want)
			}
		})
	}
}

func TestErrorsNameTheNodeAndTheField(t *testing.T) {
	cases := map[string]struct{ output, node, path, message string }{
		"never concrete": {
			`nodes: [` + node("app", `host: string`) + `]`, "app", "output.nodes[0].object.data.host", "incomplete value string",
		},
		"nothing that could be observed": {
			`nodes: [` + node("app", `on: input.cluster.labels.region`) + `]`, "app", "output.nodes[0].object.data.on", "optional field: cluster",
		},
		"a cycle": {
			`nodes: [` + node("app", `{a: b + 1, b: a - 1}`) + `]`, "app", "output.nodes[0].object.data.a", "cycle",
		},
		"no kind": {
			`nodes: [{id: "app", object: {apiVersion: "v1", metadata: name: "x"}}]`, "app", "output.nodes[0].object.kind", "required",
		},
		"unknown predicate": {
			`nodes: [{id: "app", object: {apiVersion: "v1", kind: "X", metadata: name: "x"}, readyWhen: [{type: "Foo"}]}]`,
			"app", "output.nodes[0].readyWhen[0].type", `must be "ConditionMatch" or`,
		},
		"a predicate without its field": {
			`nodes: [{id: "app", object: {apiVersion: "v1", kind: "X", metadata: name: "x"}, readyWhen: [{type: "ConditionMatch"}]}]`,
			"app", "output.nodes[0].readyWhen[0].condition", "required",
		},
		"an unknown field": {
			`nodes: [{id: "app", dependOn: [], object: {apiVersion: "v1", kind: "X", metadata: name: "x"}}]`,
			"app", "output.nodes[0].dependOn", "not allowed",
		},
		"a list that waits": {
			`nodes: [if input.observed.db.status.ready {` + node("app", `{}`) + `}]`, "", "output.nodes",
			"the list of nodes cannot wait for observed.db.status.ready",
		},
		"an id twice": {
			`nodes: [` + node("app", `{}`) + `,` + node("app", `{}`) + `]`, "app", "output.nodes[1].id", "already has the id",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, problems := module.Load(map[string]string{"m.cue": head + "output: {" + c.output + "}}"})
			if problems == nil {
				_, err := render.Render(m, []byte(input))
				var failure *wire.Error
				if !errors.As(err, &failure) || failure.Code != wire.CodeRender {
					t.Fatalf("got %v", err)
				}
				problems = failure.Problems
			}
			p := problems[0]
			if p.Node != c.node || !strings.HasSuffix(p.Path, c.path) || !strings.Contains(p.Message, c.message) {
				t.Fatalf("got %+v", problems)
			}
			if p.File != "m.cue" {
				t.Fatalf("position of %+v", p)
			}
		})
	}
}

func TestAllNodesThatAreWrongAreTold(t *testing.T) {
	m := load(t, head+"output: nodes: ["+node("a", `x: string`)+","+node("b", `{}`)+","+node("c", `x: int`)+"]}")

	_, err := render.Render(m, []byte(input))

	var failure *wire.Error
	if !errors.As(err, &failure) || len(failure.Problems) != 2 {
		t.Fatalf("got %+v", failure)
	}
	if failure.Problems[0].Node != "a" || failure.Problems[1].Node != "c" {
		t.Fatalf("got %+v", failure.Problems)
	}
}

func TestInputErrorsSayWhereTheFieldIsDeclared(t *testing.T) {
	m := load(t, `
#Input: {
	port!: int
	ports?: [...{name: string}]
}
#Render: {
	input: {metadata: name: string, spec: #Input}
	output: nodes: []
}`)
	for _, c := range []struct {
		spec, path, message string
		line                int
	}{
		{`{"port": "x"}`, "spec.port", "conflicting", 3},
		{`{"port": 1, "ports": [{"name": 1}]}`, "spec.ports[0].name", "conflicting", 4},
		{`{}`, "spec.port", "required but not present", 3},
		{`{"port": 1, "labels": {"a": "b"}}`, "spec.labels", "unknown field", 2},
		{`{"port": 1, "ports": [{"name": "a", "x": 1}]}`, "spec.ports[0].x", "unknown field", 4},
	} {
		t.Run(c.spec, func(t *testing.T) {
			_, err := render.Render(m, []byte(`{"metadata": {"name": "a"}, "spec": `+c.spec+`}`))
			var failure *wire.Error
			if !errors.As(err, &failure) || failure.Code != wire.CodeInput || len(failure.Problems) != 1 {
				t.Fatalf("got %v %+v", err, failure)
			}
			p := failure.Problems[0]
			if p.Path != c.path || !strings.Contains(p.Message, c.message) || p.File != "m.cue" || p.Line != c.line {
				t.Fatalf("got %+v", p)
			}
		})
	}
}

func TestUndeclaredInputIsNotSent(t *testing.T) {
	m := load(t, `
#Input: size: int
#Render: {
	input: {metadata: name: string, spec: #Input}
	output: nodes: []
}`)
	if _, err := render.Render(m, []byte(
		`{"metadata": {"name": "a", "namespace": "b", "labels": {}}, "spec": {"size": 1}, "cluster": {"name": "c", "labels": {}}, "observed": {"x": {}}}`)); err != nil {
		t.Fatal(err)
	}
}

func TestStatusIsProjectedAsFarAsItIsKnown(t *testing.T) {
	m := load(t, head+`
	output: nodes: []
	status: {
		size: input.spec.size
		deep: {known: "x", ip: input.observed.db.spec.clusterIP}
		gone: ip: input.observed.db.spec.clusterIP
	}
}`)
	rendered, err := render.Render(m, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(rendered.Status); got != `{"size":3,"deep":{"known":"x"}}` {
		t.Fatalf("got %s", got)
	}
}

func TestInputErrorsSayWhatWasExpected(t *testing.T) {
	m := load(t, `
#Input: {
	port: int & <=65535
	mode: "a" | "b"
}
#Render: {
	input: {metadata: name: string, spec: #Input}
	output: nodes: []
}`)
	_, err := render.Render(m, []byte(`{"metadata": {"name": "a"}, "spec": {"port": 70000, "mode": "c"}}`))
	var failure *wire.Error
	if !errors.As(err, &failure) || failure.Code != wire.CodeInput || len(failure.Problems) != 2 {
		t.Fatalf("got %v %+v", err, failure)
	}
	for _, p := range failure.Problems {
		switch p.Path {
		case "spec.port":
			if p.Expected != "<=65535" || p.Found != "70000" || p.Line != 3 {
				t.Errorf("got %+v", p)
			}
		case "spec.mode":
			if p.Expected != `"a" | "b"` || p.Found != `"c"` || p.Line != 4 {
				t.Errorf("got %+v", p)
			}
		default:
			t.Errorf("got %+v", p)
		}
	}
}
