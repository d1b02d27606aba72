package module

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/mod/modfile"

	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/problem"
)

// notFound matches what CUE says of an import that nothing provides.
var notFound = regexp.MustCompile(`cannot find package "([^"]+)": cannot find module providing`)

// importsTold says of imports that CUE does not find why that is. The cue.mod at the module's root is the one that
// counts: a folder that has its own is another module, and folders above the root are not seen.
func importsTold(files map[string]string, problems []problem.Problem) []problem.Problem {
	for i, each := range problems {
		match := notFound.FindStringSubmatch(each.Message)
		if match == nil {
			continue
		}
		problems[i].Path = ""
		problems[i].Message = fmt.Sprintf("import %q: %s", match[1], whyNotFound(files, ast.ParseImportPath(match[1]).Path))
	}
	return problems
}

func whyNotFound(files map[string]string, wanted string) string {
	text, named := files[moduleFile]
	own := anonymousName
	if named {
		own = nameIn(text)
	}
	for _, folder := range nested(files) {
		if inside(wanted, own+"/"+folder) || inside(wanted, nameIn(files[path.Join(folder, moduleFile)])) {
			return fmt.Sprintf("the folder %[1]s has a cue.mod of its own, so that it is another module; publish that and name it in the "+
				"deps of %[2]s, or remove %[1]s/cue.mod to make it part of this one", folder, moduleFile)
		}
	}
	switch folder := strings.TrimPrefix(wanted, own+"/"); {
	case inside(wanted, own) && wanted != own:
		return fmt.Sprintf("the module has no folder %s with files of that package", folder)
	case !named:
		return fmt.Sprintf("there is no %s at the module's root, so that the module is called %s and has no dependencies; "+
			"one in a folder above the root is not read", moduleFile, anonymousName)
	}
	return fmt.Sprintf("it is not of this module, which %s calls %s, nor of one that its deps name", moduleFile, own)
}

// nested are the folders below the root that are modules of their own, the inner ones first.
func nested(files map[string]string) []string {
	var folders []string
	for name := range files {
		if folder, ok := strings.CutSuffix(name, "/"+moduleFile); ok && !bundle.Holds(name) {
			folders = append(folders, folder)
		}
	}
	slices.SortFunc(folders, func(a, b string) int { return strings.Compare(b, a) })
	return folders
}

// nameIn is the module's path that a module file says, without its major version.
func nameIn(text string) string {
	file, err := modfile.ParseNonStrict([]byte(text), moduleFile)
	if err != nil {
		return ""
	}
	return file.ModuleRootPath()
}

// inside says whether an import path is that of a module or of one of its folders.
func inside(wanted, module string) bool {
	return module != "" && (wanted == module || strings.HasPrefix(wanted, module+"/"))
}
