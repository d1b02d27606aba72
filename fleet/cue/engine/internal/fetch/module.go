package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"strings"

	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"
	"cuelang.org/go/mod/modzip"

	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/registry"
)

// fetch gets the module and everything that it depends on. All of it comes from the one registry of the request.
func (s *source) fetch(ctx context.Context) (*Answer, error) {
	contents, mediaType, digest, err := s.manifest(ctx, s.request.Repository, s.request.Tag, s.request.Digest)
	if err != nil {
		return nil, err
	}
	// What the module is called is known only once its module file is read; the version means nothing to a client
	// that has one repository.
	artifact, err := s.artifact(s.request.Repository, module.MustNewVersion("module.local@v0", "v0.0.0"), contents, mediaType)
	if err != nil {
		return nil, err
	}
	file, err := moduleFileOf(ctx, artifact, s.request.Repository)
	if err != nil {
		return nil, err
	}
	collected := registry.Collect(s.request.MaxBytes)
	version, err := nominalVersion(file)
	if err != nil {
		return nil, err
	}
	if err := addZip(ctx, collected, artifact, version, ""); err != nil {
		return nil, err
	}
	if err := s.addDependencies(ctx, file.parsed, collected); err != nil {
		return nil, err
	}
	return &Answer{Digest: string(digest), Module: file.parsed.QualifiedModule(), Files: collected.Files}, nil
}

// moduleFile is cue.mod/module.cue, as text and as what it says.
type moduleFile struct {
	text   []byte
	parsed *modfile.File
}

func moduleFileOf(ctx context.Context, artifact *modregistry.Module, of string) (moduleFile, error) {
	text, err := artifact.ModuleFile(ctx)
	if err != nil {
		return moduleFile{}, err
	}
	if len(text) > largestModuleFile {
		return moduleFile{}, registry.Fail(registry.CodeModule, "cue.mod/module.cue of %s is larger than %d MiB", of, largestModuleFile>>20)
	}
	parsed, err := modfile.Parse(text, of+": cue.mod/module.cue")
	if err != nil {
		return moduleFile{}, registry.Fail(registry.CodeModule, "%v", err)
	}
	return moduleFile{text: text, parsed: parsed}, nil
}

// nominalVersion is one that the module may have: the reference may have named it by a digest, or by a tag such as
// latest.
func nominalVersion(file moduleFile) (module.Version, error) {
	major := file.parsed.MajorVersion()
	if major == "" {
		major = "v0"
	}
	version, err := module.NewVersion(file.parsed.QualifiedModule(), major+".0.0")
	if err != nil {
		return module.Version{}, registry.Fail(registry.CodeModule, "cue.mod/module.cue: %v", err)
	}
	return version, nil
}

// addZip puts the files of a module's zip under prefix.
func addZip(ctx context.Context, into *registry.Collection, artifact *modregistry.Module, version module.Version, prefix string) error {
	blob, err := artifact.GetZip(ctx)
	if err != nil {
		return err
	}
	content, err := readAtMost(blob, into.Limit(), "the zip of "+version.String())
	if err != nil {
		return err
	}
	archive, _, _, err := modzip.CheckZip(version, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return registry.Fail(registry.CodeModule, "the zip of %s: %v", version, err)
	}
	for _, file := range archive.File {
		if file.FileInfo().IsDir() {
			continue
		}
		if prefix == "" && bundle.Holds(file.Name) {
			return registry.Fail(registry.CodeModule, "the zip of %s has the folder %s, where dependencies are put", version, bundle.Root)
		}
		if err := addFile(into, file, prefix+file.Name); err != nil {
			return err
		}
	}
	return nil
}

func addFile(into *registry.Collection, file *zip.File, name string) error {
	if !mayMatter(name) {
		return nil
	}
	reader, err := file.Open()
	if err != nil {
		return registry.Fail(registry.CodeModule, "%s: %v", name, err)
	}
	defer func() { _ = reader.Close() }()
	content, err := io.ReadAll(io.LimitReader(reader, into.Left()+1))
	if err != nil {
		return registry.Fail(registry.CodeModule, "%s: %v", name, err)
	}
	return into.Add(name, content)
}

// mayMatter leaves out what no module can read: CUE reads .cue files, and embeds files of data.
func mayMatter(name string) bool {
	for _, suffix := range []string{".cue", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".xml", ".txt"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
