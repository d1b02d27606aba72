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
	"pequod.io/fleet/engine/internal/registry"
)

// dependencies gets what a module needs, and what that needs in turn, from where the author's cue command would, and
// through the same cache. Of the versions that are not selected the module files are enough for the loader to come to
// the same conclusion. These are the files that a hub gets which fetches the module.
func dependencies(ctx context.Context, r *Request) (*Answer, error) {
	main, err := modfile.Parse(r.ModuleFile, bundle.ModuleFile)
	if err != nil {
		return nil, registry.Unreadable(err)
	}
	from, err := modconfig.NewRegistry(&modconfig.Config{Transport: transport(), ClientType: "pequod-fleet"})
	if err != nil {
		return nil, registry.Fail(registry.CodeRequest, "%v", err)
	}
	known, err := fetchAll(ctx, from, main)
	if err != nil {
		return nil, err
	}
	selected := registry.Selected(known)
	into := registry.Collect(r.MaxBytes)
	for version, source := range known {
		whole := selected[version.Path()] == version.Version()
		if err := add(into, version, source, whole); err != nil {
			return nil, err
		}
	}
	return &Answer{Files: into.Files}, nil
}

// fetchAll fetches every version that something asks for.
func fetchAll(ctx context.Context, from modconfig.Registry, main *modfile.File) (map[module.Version]module.SourceLoc, error) {
	known := map[module.Version]module.SourceLoc{}
	for wanted := main.DepVersions(); len(wanted) > 0; {
		version := wanted[0]
		wanted = wanted[1:]
		if _, ok := known[version]; ok {
			continue
		}
		if len(known) == registry.MostVersions {
			return nil, registry.Fail(registry.CodeModule, "the module has more than %d dependencies", registry.MostVersions)
		}
		file, err := from.ModFile(ctx, version)
		if err == nil {
			known[version], err = from.Fetch(ctx, version)
		}
		if err != nil {
			told := registry.Explained(err)
			return nil, registry.Fail(told.Code, "dependency %s: %s", version, told.Message)
		}
		wanted = append(wanted, file.DepVersions()...)
	}
	return known, nil
}

// add gathers the files of one version, or its module file alone.
func add(into *registry.Collection, version module.Version, source module.SourceLoc, whole bool) error {
	return fs.WalkDir(source.FS, source.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(name, source.Dir), "/")
		if !whole && relative != bundle.ModuleFile {
			return nil
		}
		content, err := fs.ReadFile(source.FS, name)
		if err != nil {
			return err
		}
		return into.Add(path.Join(bundle.Folder(version), relative), content)
	})
}
