package authoring

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"pequod.io/fleet/engine/internal/bundle"
)

// mostVersions bounds the versions of all dependencies together, those that are not selected included.
const mostVersions = 500

// dependencies gets what a module needs, and what that needs in turn, from where the author's cue command would, and
// through the same cache. Of each module the highest version that any asks for is taken; of the others the module
// files are enough for the loader to come to the same conclusion.
func dependencies(ctx context.Context, r *Request) (*Answer, error) {
	main, err := modfile.Parse(r.ModuleFile, bundle.ModuleFile)
	if err != nil {
		return nil, fail(CodeModule, "%v", err)
	}
	registry, err := modconfig.NewRegistry(&modconfig.Config{Transport: transport(), ClientType: "pequod-fleet"})
	if err != nil {
		return nil, fail(CodeRequest, "%v", err)
	}
	known, err := graph(ctx, registry, main)
	if err != nil {
		return nil, err
	}
	selected := map[string]string{} // the highest version, by path with its major version
	for version := range known {
		highest, ok := selected[version.Path()]
		if !ok { // to Max an empty version is the highest of all
			highest = version.Version()
		}
		selected[version.Path()] = module.Versions{}.Max(highest, version.Version())
	}
	into := collection{limit: r.MaxBytes, files: map[string][]byte{}}
	for version, file := range known {
		if selected[version.Path()] == version.Version() {
			err = into.addModule(ctx, registry, version)
		} else {
			err = into.addModuleFile(version, file)
		}
		if err != nil {
			return nil, err
		}
	}
	return &Answer{Files: into.files}, nil
}

// graph reads the module file of every version that something asks for.
func graph(ctx context.Context, registry modconfig.Registry, main *modfile.File) (map[module.Version]*modfile.File, error) {
	known := map[module.Version]*modfile.File{}
	for wanted := main.DepVersions(); len(wanted) > 0; {
		version := wanted[0]
		wanted = wanted[1:]
		if _, ok := known[version]; ok {
			continue
		}
		if len(known) == mostVersions {
			return nil, fail(CodeModule, "the module has more than %d dependencies", mostVersions)
		}
		file, err := registry.ModFile(ctx, version)
		if err != nil {
			told := explained(err)
			return nil, fail(told.Code, "dependency %s: %s", version, told.Message)
		}
		known[version] = file
		wanted = append(wanted, file.DepVersions()...)
	}
	return known, nil
}

// collection is the files that were gathered so far, no more than a limit together.
type collection struct {
	limit int64
	size  int64
	files map[string][]byte
}

func (c *collection) addModuleFile(version module.Version, file *modfile.File) error {
	text, err := modfile.Format(file)
	if err != nil {
		return fail(CodeModule, "dependency %s: %v", version, err)
	}
	return c.add(bundle.Folder(version)+"/"+bundle.ModuleFile, text)
}

func (c *collection) addModule(ctx context.Context, registry modconfig.Registry, version module.Version) error {
	source, err := registry.Fetch(ctx, version)
	if err != nil {
		told := explained(err)
		return fail(told.Code, "dependency %s: %s", version, told.Message)
	}
	return fs.WalkDir(source.FS, source.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := fs.ReadFile(source.FS, name)
		if err != nil {
			return err
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(name, source.Dir), "/")
		return c.add(path.Join(bundle.Folder(version), relative), content)
	})
}

func (c *collection) add(name string, content []byte) error {
	c.size += int64(len(content))
	if c.size > c.limit {
		return fail(CodeModule, "the dependencies are larger than %d MiB together", c.limit>>20)
	}
	c.files[name] = content
	return nil
}
