package module_test

import (
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
)

const minimal = `
#Input: size: int
#Render: {
	input: {metadata: {name: string}, spec: #Input}
	output: nodes: []
}
`

func TestModulesThatLoad(t *testing.T) {
	cases := map[string]map[string]string{
		"one file without a package": {"inline.cue": minimal},
		"two files of a package": {
			"input.cue":  "package web\n#Input: size: int & <=limit\n",
			"render.cue": "package web\nlimit: 7\n#Render: {input: {metadata: {...}, spec: #Input}, output: nodes: []}\n",
		},
		"packages in folders, without a cue.mod": {
			"m.cue":           "package web\nimport \"module.local/lib/names\"\n" + strings.Replace(minimal, "size: int", "name: names.#Name", 1),
			"lib/names/n.cue": "package names\n#Name: =~\"^[a-z]+$\"\n",
		},
		"packages in folders, with a cue.mod": {
			"cue.mod/module.cue": "module: \"acme.com/web@v1\"\nlanguage: version: \"v0.15.0\"\n",
			"m.cue":              "package web\nimport \"acme.com/web/lib\"\n" + strings.Replace(minimal, "size: int", "lib.#Sizes", 1),
			"lib/lib.cue":        "package lib\n#Sizes: {size: int}\n",
		},
		"packages of the standard library": {
			"m.cue": "import (\n\"strings\"\n\"list\"\n\"net\"\n)\n" + minimal + "x: [strings.ToUpper(\"a\"), list.Max([1, 2]), net.IPv4]\n",
		},
		"#Spec for #Input": {"m.cue": strings.ReplaceAll(minimal, "#Input", "#Spec")},
		"a spec that means #Input": {
			"m.cue": "#Input: size: int\n#Render: {input: {metadata: {...}, spec: {size: int}}, output: nodes: []}\n",
		},
		"a frame from a library": {
			"m.cue":         "package web\nimport \"module.local/lib\"\n#Input: {size: int | *3, name!: =~\"^a\", opt?: [string]: int}\n#Render: lib.#Frame & {input: spec: #Input, output: nodes: []}\n",
			"lib/frame.cue": "package lib\n#Frame: {input: {metadata: {name: string, namespace: string}, spec: {...}, observed?: {...}}, output: nodes: [...], status?: {...}}\n",
		},
		"its own files embedded": {
			"m.cue":                "@extern(embed)\npackage web\n" + minimal + "dashboard: _ @embed(file=\"files/dashboard.json\")\n",
			"files/dashboard.json": "{\"title\": \"x\"}",
		},
		"tests and other files beside it": {
			"m.cue": minimal, "README.md": "hello", "LICENSE": "none",
		},
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			if _, problems := module.Load(files); problems != nil {
				t.Fatalf("%+v", problems)
			}
		})
	}
}

func TestModulesThatBreakTheContract(t *testing.T) {
	cases := map[string]struct {
		source, path, message string
		line                  int
	}{
		"nothing":         {"", "#Input", "no #Input definition", 0},
		"no render":       {"#Input: {}", "#Render", "no #Render definition", 0},
		"both names":      {minimal + "#Spec: {}\n", "#Spec", "both #Input and #Spec", 7},
		"input no struct": {strings.Replace(minimal, "#Input: size: int", "#Input: int", 1), "#Input", "must be a struct", 2},
		"no render input": {"#Input: {}\n#Render: output: nodes: []", "#Render.input", "has no input", 2},
		"no spec":         {"#Input: {}\n#Render: {input: {metadata: {...}}, output: nodes: []}", "#Render.input.spec", "has no spec", 2},
		"another spec": {
			"#Input: a: int\n#Render: {input: spec: {a: >5}, output: nodes: []}", "#Render.input.spec", "must be #Input itself", 2,
		},
		"no nodes":     {"#Input: {}\n#Render: {input: spec: #Input, output: {}}", "#Render.output.nodes", "no output.nodes", 2},
		"no list":      {"#Input: {}\n#Render: {input: spec: #Input, output: nodes: {}}", "#Render.output.nodes", "must be a list", 2},
		"wrong output": {strings.Replace(minimal, "nodes: []", "{nodes: [], node: {}}", 1), "#Render.output.node", "not allowed", 5},
		"a bad node": {
			strings.Replace(minimal, "[]", `[{id: "A b", object: {apiVersion: "v1", kind: "X", metadata: name: "x"}}]`, 1),
			"#Render.output.nodes[0].id", "A b", 5,
		},
		"meta":            {minimal + "#Meta: kind: \"web service\"\n", "#Meta.kind", "out of bound", 7},
		"meta field":      {minimal + "#Meta: knd: \"Web\"\n", "#Meta.knd", "not allowed", 7},
		"a syntax error":  {minimal + "x: [\n", "", "expected", 7},
		"a conflict":      {minimal + "x: 1 & 2\n", "x", "conflicting values", 7},
		"a cycle":         {minimal + "#T: t: #T\n", "#T.t", "structural cycle", 7},
		"a missing name":  {minimal + "x: y\n", "x", "reference \"y\" not found", 7},
		"unknown package": {"import \"no/such\"\n" + minimal, "", "no/such", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := module.Load(map[string]string{"m.cue": c.source})
			if problems == nil {
				t.Fatal("it loads")
			}
			p := problems[0]
			if p.Path != c.path || !strings.Contains(p.Message, c.message) {
				t.Fatalf("got %+v", problems)
			}
			if p.Line != c.line || c.line > 0 && p.File != "m.cue" {
				t.Fatalf("got position %s:%d of %+v", p.File, p.Line, p)
			}
		})
	}
}

func TestFilesOutsideTheModule(t *testing.T) {
	for _, name := range []string{"../m.cue", "/m.cue", "a//m.cue", "", "."} {
		if _, problems := module.Load(map[string]string{name: minimal, "m.cue": minimal}); problems == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestMeta(t *testing.T) {
	m, problems := module.Load(map[string]string{"m.cue": minimal + `
#Meta: {
	kind: "Web"
	printerColumns: [{name: "Size", type: "integer", jsonPath: ".spec.size"}]
}`})
	if problems != nil {
		t.Fatal(problems)
	}
	meta, err := m.Describe()
	if err != nil {
		t.Fatal(err)
	}
	if meta.Kind != "Web" || len(meta.PrinterColumns) != 1 || meta.PrinterColumns[0].JSONPath != ".spec.size" {
		t.Fatalf("got %+v", meta)
	}
}

func TestProblemsAreFew(t *testing.T) {
	_, problems := module.Load(map[string]string{"m.cue": minimal + strings.Repeat("x: 1 & 2\n", 1) + conflicts(500)})
	if len(problems) != 21 || problems[20] != problem.New("", "and more problems, not listed") {
		t.Fatalf("got %d problems", len(problems))
	}
}

func conflicts(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("x" + strings.Repeat("x", i) + "y: 1 & 2\n")
	}
	return b.String()
}
