package module

import (
	"strings"
	"testing"
)

const valid = `
#Input: size: int
#Render: {input: {metadata: name: string, spec: #Input}, output: nodes: []}
`

func named(name string) string {
	return "module: \"" + name + "@v0\"\nlanguage: version: \"v0.17.0\"\n"
}

func importing(name string) string {
	return "package m\nimport x \"" + name + "\"\n_x: x.x\n" + valid
}

func TestAFolderWithItsOwnModuleFileIsNoPartOfTheModule(t *testing.T) {
	for name, inner := range map[string]string{"a module": named("acme.example/sub"), "what is none": "nonsense:"} {
		_, problems := Load(map[string]string{
			"m.cue": "package m\n" + valid, "cue.mod/module.cue": named("acme.example/all"),
			"sub/cue.mod/module.cue": inner, "sub/sub.cue": "package sub\nx: 1 & 2",
		})
		if problems != nil {
			t.Errorf("beside %s: %+v", name, problems)
		}
	}
}

func TestAnImportThatIsNotFoundSaysWhichModuleFileCounts(t *testing.T) {
	for name, c := range map[string]struct {
		imported string
		files    map[string]string
		says     string
	}{
		"a folder that is a module": {
			"acme.example/all/sub/deep", map[string]string{"cue.mod/module.cue": named("acme.example/all"), "sub/cue.mod/module.cue": named("other.example")},
			"the folder sub has a cue.mod of its own",
		},
		"a folder that is a module, by that module's name": {
			"acme.example/sub@v0", map[string]string{"cue.mod/module.cue": named("acme.example/all"), "sub/cue.mod/module.cue": named("acme.example/sub")},
			"the folder sub has a cue.mod of its own",
		},
		"the inner of two such folders": {
			"module.local/a/b", map[string]string{"a/cue.mod/module.cue": named("a.example"), "a/b/cue.mod/module.cue": named("b.example")},
			"the folder a/b has a cue.mod of its own",
		},
		"a folder that is not there": {
			"acme.example/all/none", map[string]string{"cue.mod/module.cue": named("acme.example/all")}, "the module has no folder none",
		},
		"a module that is called otherwise, above": {
			"acme.example/all/lib", map[string]string{"lib/lib.cue": "package lib\nx: 1"},
			"there is no cue.mod/module.cue at the module's root, so that the module is called module.local",
		},
		"a dependency that is not named": {
			"other.example/dep", map[string]string{"cue.mod/module.cue": named("acme.example/all")},
			"it is not of this module, which cue.mod/module.cue calls acme.example/all, nor of one that its deps name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"m.cue": importing(c.imported), "sub/deep/s.cue": "package deep\nx: 1"}
			for file, text := range c.files {
				files[file] = text
			}
			_, problems := Load(files)
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "import \""+c.imported+"\": "+c.says) {
				t.Fatalf("got %+v", problems)
			}
			if p := problems[0]; p.File != "m.cue" || p.Line != 2 || p.Path != "" {
				t.Fatalf("got %+v", p)
			}
		})
	}
}
