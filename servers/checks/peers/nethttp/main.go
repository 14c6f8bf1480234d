// The response of crossover-server's path /, by Go's net/http as it comes.
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	body := []byte("Hello, C++")
	handler := func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "text/plain")
		response.Write(body)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	json.NewEncoder(os.Stdout).Encode(map[string]any{"event": "ready", "port": port})
	log.Fatal(http.Serve(listener, http.HandlerFunc(handler)))
}
