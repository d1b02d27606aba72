package fetch

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"

	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/registry"
)

const parallel = 8

// dependency is one version of a module that something depends on.
type dependency struct {
	version  module.Version
	artifact *modregistry.Module
	file     moduleFile
}

// addDependencies adds what the module needs, and what that needs in turn. Like the cue command it takes, of each
// module, the highest version that any of them asks for; of the others it adds the module files, by which the
// loader comes to the same conclusion.
func (s *source) addDependencies(ctx context.Context, main *modfile.File, into *registry.Collection) error {
	wanted := main.DepVersions()
	if len(wanted) == 0 {
		return nil
	}
	prefix, err := registry.PrefixOf(s.request.Repository, main.ModuleRootPath())
	if err != nil {
		return err
	}
	known := map[module.Version]dependency{}
	for len(wanted) > 0 {
		if len(known)+len(wanted) > registry.MostVersions {
			return registry.Fail(registry.CodeModule, "%s has more than %d dependencies", main.QualifiedModule(), registry.MostVersions)
		}
		found, err := s.dependencies(ctx, prefix, wanted)
		if err != nil {
			return err
		}
		for _, each := range found {
			known[each.version] = each
		}
		wanted = unknown(found, known)
	}
	return addAll(ctx, known, into)
}

func (s *source) dependencies(ctx context.Context, prefix string, versions []module.Version) ([]dependency, error) {
	found := make([]dependency, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, version := range versions {
		group.Go(func() error {
			one, err := s.dependency(ctx, prefix, version)
			found[i] = one
			return err
		})
	}
	return found, group.Wait()
}

func (s *source) dependency(ctx context.Context, prefix string, version module.Version) (dependency, error) {
	repository := prefix + version.BasePath()
	contents, mediaType, _, err := s.manifest(ctx, repository, version.Version(), "")
	if err != nil {
		told := registry.Explained(err)
		told.Message = fmt.Sprintf("dependency %s, looked for at %s/%s:%s: %s",
			version, s.request.Host, repository, version.Version(), told.Message)
		return dependency{}, told
	}
	artifact, err := s.artifact(repository, version, contents, mediaType)
	if err != nil {
		return dependency{}, err
	}
	file, err := moduleFileOf(ctx, artifact, repository)
	if err != nil {
		return dependency{}, err
	}
	if is := file.parsed.QualifiedModule(); is != version.Path() {
		return dependency{}, registry.Fail(registry.CodeModule, "dependency %s calls itself %s", version, is)
	}
	return dependency{version: version, artifact: artifact, file: file}, nil
}

// unknown lists what the found ones depend on and is not known yet.
func unknown(found []dependency, known map[module.Version]dependency) []module.Version {
	var versions []module.Version
	listed := map[module.Version]bool{}
	for _, each := range found {
		for _, version := range each.file.parsed.DepVersions() {
			if _, ok := known[version]; !ok && !listed[version] {
				listed[version] = true
				versions = append(versions, version)
			}
		}
	}
	return versions
}

func addAll(ctx context.Context, known map[module.Version]dependency, into *registry.Collection) error {
	selected := registry.Selected(known)
	var mutex sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for version, each := range known {
		if selected[version.Path()] != version.Version() {
			mutex.Lock()
			err := into.Add(bundle.Folder(version)+"/"+bundle.ModuleFile, each.file.text)
			mutex.Unlock()
			if err != nil {
				return err
			}
			continue
		}
		group.Go(func() error {
			part := registry.Collect(into.Limit())
			if err := addZip(ctx, part, each.artifact, version, bundle.Folder(version)+"/"); err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			for name, content := range part.Files {
				if err := into.Add(name, content); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
