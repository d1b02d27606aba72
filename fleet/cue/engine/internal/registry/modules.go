package registry

import (
	"strings"

	"cuelang.org/go/mod/module"
)

// MostVersions bounds the versions of all dependencies together, those that are not selected included.
const MostVersions = 500

// Selected is, by path with its major version, the highest of the versions: like the cue command, the fleet takes of
// each module the highest version that anything asks for.
func Selected[V any](versions map[module.Version]V) map[string]string {
	selected := map[string]string{}
	for version := range versions {
		highest, ok := selected[version.Path()]
		if !ok {
			highest = version.Version() // not "", which Max takes for higher than all
		}
		selected[version.Path()] = module.Versions{}.Max(highest, version.Version())
	}
	return selected
}

// PrefixOf is what the repositories of a registry begin with: modules are kept below it by their paths.
func PrefixOf(repository, path string) (string, error) {
	prefix, ok := strings.CutSuffix(repository, path)
	if !ok || (prefix != "" && !strings.HasSuffix(prefix, "/")) {
		return "", Fail(CodeModule, "the module is called %s and lies in the repository %s, so that nobody can tell where its "+
			"dependencies lie: publish it to a repository which ends with its path, as `cue mod publish` does", path, repository)
	}
	return prefix, nil
}

// Collection is the files that were gathered so far, no more than a limit together.
type Collection struct {
	Files map[string][]byte
	limit int64
	size  int64
}

// Collect begins a collection.
func Collect(limit int64) *Collection {
	return &Collection{Files: map[string][]byte{}, limit: limit}
}

// Left is how many bytes there is room for.
func (c *Collection) Left() int64 { return c.limit - c.size }

// Limit is how many bytes there was room for at first.
func (c *Collection) Limit() int64 { return c.limit }

// Add puts a file into the collection.
func (c *Collection) Add(name string, content []byte) error {
	c.size += int64(len(content))
	if c.size > c.limit {
		return Fail(CodeModule, "the module and its dependencies are larger than %d MiB together", c.limit>>20)
	}
	c.Files[name] = content
	return nil
}
