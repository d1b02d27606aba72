package module

import (
	"io/fs"
	"iter"
	"path"
	"slices"
	"sort"
	"strings"
	"testing/fstest"

	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"

	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/problem"
)

const (
	// A ConfigMap holds one MiB, and a module is text that people write.
	largest = 8 << 20

	moduleFile = "cue.mod/module.cue"
	// What a module without a cue.mod is called, so that its packages can import each other.
	anonymousName = "module.local"
	anonymous     = "module: \"" + anonymousName + "@v0\"\nlanguage: version: \"v0.17.0\"\n"
)

// instance loads the package at the root of files. It sees nothing but files: no disk, no network, no
// environment; @embed and imports are answered from files too.
func instance(files map[string]string) (*build.Instance, []problem.Problem) {
	memory, problems := filesystem(files)
	if problems != nil {
		return nil, problems
	}
	instances := load.Instances([]string{"."}, &load.Config{
		FS:         memory,
		Dir:        "/",
		ModuleRoot: "/",
		Env:        []string{},
		Registry:   bundle.Registry(memory),
		Package:    packageAtRoot(files),
	})
	if err := instances[0].Err; err != nil {
		return nil, importsTold(files, problem.From(err))
	}
	if problems := commands(instances[0]); problems != nil {
		return nil, problems
	}
	return instances[0], nil
}

// commands finds imports of the packages of `cue cmd`. They are schemas that do nothing here, so that a module which
// imports them would wait for ever for what they seem to promise.
func commands(root *build.Instance) []problem.Problem {
	var problems []problem.Problem
	for each := range packages(root) {
		for _, file := range each.Files {
			for spec := range file.ImportSpecs() {
				if name, err := literal.Unquote(spec.Path.Value); err == nil && strings.HasPrefix(name, "tool/") {
					problems = append(problems, problem.At(spec.Pos(), "",
						"import %q: a fleet module cannot run commands, read files or call servers", name))
				}
			}
		}
	}
	return problems
}

// packages are a package and all that it imports, each once, in the order in which they are met.
func packages(root *build.Instance) iter.Seq[*build.Instance] {
	return func(yield func(*build.Instance) bool) {
		seen := map[*build.Instance]bool{}
		var meet func(*build.Instance) bool
		meet = func(each *build.Instance) bool {
			if seen[each] {
				return true
			}
			seen[each] = true
			return yield(each) && !slices.ContainsFunc(each.Imports, func(i *build.Instance) bool { return !meet(i) })
		}
		meet(root)
	}
}

func filesystem(files map[string]string) (fstest.MapFS, []problem.Problem) {
	memory := fstest.MapFS{}
	atRoot, size := false, 0
	for _, name := range sorted(files) {
		if !fs.ValidPath(name) || name == "." {
			return nil, []problem.Problem{problem.New("", "file %q: a module's files have clean relative paths such as sub/file.cue", name)}
		}
		memory[name] = &fstest.MapFile{Data: []byte(files[name]), Mode: 0o444}
		atRoot = atRoot || rootCUE(name)
		size += len(files[name])
	}
	if size > largest {
		return nil, []problem.Problem{problem.New("", "the module's files are %d MiB together: at most %d can be loaded", size>>20, largest>>20)}
	}
	if !atRoot {
		return nil, []problem.Problem{problem.New("", "the module has no .cue file at its root, where #Input and #Render belong")}
	}
	if _, ok := memory[moduleFile]; !ok {
		memory[moduleFile] = &fstest.MapFile{Data: []byte(anonymous), Mode: 0o444}
	}
	return memory, nil
}

// packageAtRoot is "_", CUE's name for files without a package clause, where no file at the root has one: an
// inline module needs none. Otherwise it is empty, and CUE insists on the one name that they share.
func packageAtRoot(files map[string]string) string {
	for name, text := range files {
		if !rootCUE(name) {
			continue
		}
		file, err := parser.ParseFile(name, text, parser.PackageClauseOnly)
		if err != nil || file.PackageName() != "" {
			return ""
		}
	}
	return "_"
}

func rootCUE(name string) bool {
	return path.Ext(name) == ".cue" && path.Dir(name) == "."
}

func sorted(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
