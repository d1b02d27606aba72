// The sample command writes definitions of the corpus with their schemas, values and verdicts, one line of JSON each.
package main

import (
	"bufio"
	"flag"
	"log"
	"os"

	"pequod.io/fleet/engine/difftest"
)

func main() {
	folder := flag.String("corpus", "corpus", "folder of the corpus")
	every := flag.Int("every", 8, "take one in so many of the small definitions")
	cases := flag.Int("n", 25, "values per definition")
	seed := flag.Uint64("seed", 1, "seed of the generator")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	if err := difftest.WriteSamples(out, *folder, *every, *cases, *seed); err != nil {
		log.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}
