package module

import (
	"strings"
	"testing"

	"cuelang.org/go/cue"
)

const (
	dependent = `
package m
import "acme.example/lib@v1:lib"
#Input: size: lib.#Size
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: nodes: []
}
`
	dependsOnLib = "module: \"acme.example/m@v0\"\nlanguage: version: \"v0.17.0\"\ndeps: \"acme.example/lib@v1\": v: \"v1.2.3\"\n"
	libFile      = "module: \"acme.example/lib@v1\"\nlanguage: version: \"v0.17.0\"\n"
)

func TestDependenciesThatTheSourceBroughtAreImported(t *testing.T) {
	m, problems := Load(map[string]string{
		"m.cue":              dependent,
		"cue.mod/module.cue": dependsOnLib,
		".deps/acme.example/lib@v1.2.3/cue.mod/module.cue": libFile,
		".deps/acme.example/lib@v1.2.3/lib.cue":            "package lib\n#Size: int & >0",
	})
	if problems != nil {
		t.Fatal(problems)
	}
	if err := m.Input.LookupPath(cue.ParsePath("size")).Unify(m.Context.Encode(-1)).Err(); err == nil {
		t.Error("the dependency's constraint does not hold")
	}
}

func TestADependencyThatIsNotThereIsNamed(t *testing.T) {
	_, problems := Load(map[string]string{"m.cue": dependent, "cue.mod/module.cue": dependsOnLib})

	if len(problems) == 0 || !strings.Contains(problems[0].Message, "acme.example/lib@v1.2.3 is not part of this module's source") {
		t.Errorf("problems: %v", problems)
	}
}

func TestOtherVersionsNeedOnlyTheirModuleFiles(t *testing.T) {
	_, problems := Load(map[string]string{
		"m.cue":              dependent,
		"cue.mod/module.cue": dependsOnLib + "deps: \"acme.example/other@v0\": v: \"v0.1.0\"\n",
		".deps/acme.example/lib@v1.2.3/cue.mod/module.cue":   libFile,
		".deps/acme.example/lib@v1.2.3/lib.cue":              "package lib\n#Size: int",
		".deps/acme.example/lib@v1.1.0/cue.mod/module.cue":   libFile,
		".deps/acme.example/other@v0.1.0/cue.mod/module.cue": "module: \"acme.example/other@v0\"\nlanguage: version: \"v0.17.0\"\ndeps: \"acme.example/lib@v1\": v: \"v1.1.0\"\n",
	})
	if problems != nil {
		t.Fatal(problems)
	}
}
