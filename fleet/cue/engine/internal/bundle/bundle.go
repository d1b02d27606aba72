// Package bundle says where, among a module's files, the files of its dependencies are: a source that brings them
// along puts them there, and the loader looks there and nowhere else.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"
)

const (
	// Root is the folder of all dependencies. CUE ignores folders that begin with a dot.
	Root = ".deps"
	// ModuleFile is where a module says what it is called and what it depends on.
	ModuleFile = "cue.mod/module.cue"
)

// Folder is where the files of one version of a dependency are.
func Folder(version module.Version) string {
	return Root + "/" + version.String()
}

// Holds says whether the file is one of a dependency.
func Holds(name string) bool {
	return name == Root || strings.HasPrefix(name, Root+"/")
}

// Files is a module's files in memory.
type Files interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadFileFS
}

// Registry answers with the dependencies that are among files, and refuses all others.
func Registry(files Files) modconfig.Registry {
	return registry{files: rooted{files}}
}

type registry struct{ files rooted }

func (r registry) ModFile(_ context.Context, version module.Version) (*modfile.File, error) {
	text, err := r.files.ReadFile(Folder(version) + "/" + ModuleFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(version.String())
	}
	if err != nil {
		return nil, err
	}
	return modfile.Parse(text, version.String())
}

func (r registry) Fetch(_ context.Context, version module.Version) (module.SourceLoc, error) {
	if _, err := r.files.Stat(Folder(version)); err != nil {
		return module.SourceLoc{}, missing(version.String())
	}
	return module.SourceLoc{FS: r.files, Dir: Folder(version)}, nil
}

func (registry) ModuleVersions(_ context.Context, path string) ([]string, error) {
	return nil, missing(path)
}

func missing(what string) error {
	return fmt.Errorf("dependency %s is not part of this module's source", what)
}

// rooted tells the loader that dependencies are in the file system which it has already.
type rooted struct{ Files }

func (rooted) OSRoot() string { return "/" }
