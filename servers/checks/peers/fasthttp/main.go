// The response of crossover-server's path /, by fasthttp as it comes.
package main

import (
	"encoding/json"
	"log"
	"net"
	"os"

	"github.com/valyala/fasthttp"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	body := []byte("Hello, C++")
	handler := func(context *fasthttp.RequestCtx) {
		context.SetContentType("text/plain")
		context.Write(body)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	json.NewEncoder(os.Stdout).Encode(map[string]any{"event": "ready", "port": port})
	log.Fatal(fasthttp.Serve(listener, handler))
}
